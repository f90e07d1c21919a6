"""A FastAPI handler of raw payloads with match, and a table of handlers."""

from fastapi import FastAPI, Request

app = FastAPI()


def on_invoice(invoice):
    print(invoice["number"], invoice["email_address"])


HANDLERS = {"invoice.paid": on_invoice}


@app.post("/whop")
async def receive(request: Request):
    payload = await request.json()
    data = payload["data"]
    match payload["type"]:
        case "dispute.created":
            print(data["amount"], data.get("reason"))
        case "refund.created" | "refund.updated":
            print(data["status"])
        case other:
            handler = HANDLERS.get(other)
            if handler:
                handler(data)
    return {}
