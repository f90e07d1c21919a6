"""Data through lambdas, sorted and comprehensions; the first page only, and items by their index."""

from whop_sdk import Whop


def build(client: Whop, company: str):
    members = client.members.list(company_id=company, order="usd_total_spent").data
    best = sorted(members, key=lambda member: member.usd_total_spent, reverse=True)[:10]
    emails = {member.id: member.user.email for member in best if member.user}
    first = best[0]
    last_seen = max(best, key=lambda one: str(one.most_recent_action_at))
    return emails, first.joined_at, last_seen.phone


def company_card(client: Whop, id: str):
    company = client.companies.retrieve(id)
    card = {"title": company.title, "route": company.route}
    owner = company.owner_user
    card["owner"] = f"@{owner.username}"
    return card
