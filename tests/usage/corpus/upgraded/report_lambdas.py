"""Data through lambdas, sorted and comprehensions; the first page only, and items by their index."""

from whop_sdk import Whop


def build(client: Whop, company: str):
    members = client.members.list(account_id=company, order="usd_total_spent").items
    best = sorted(members, key=lambda member: float(member.usd_total_spent.amount) if member.usd_total_spent else 0.0, reverse=True)[:10]
    emails = {member.id: member.email for member in best if member.user}
    first = best[0]
    last_seen = max(best, key=lambda one: str(one.most_recent_action_at))
    return emails, first.joined_at, last_seen.phone_number


def company_card(client: Whop, id: str):
    company = client.accounts.retrieve(id)
    card = {"title": company.title, "route": company.route}
    owner = company.owner
    card["owner"] = f"@{owner.username}" if owner else None
    return card
