"""Make a client of the installed SDK release for the address of the environment."""

import os

from whop_sdk import Whop


def make_client() -> Whop:
    try:
        return Whop(api_key=os.environ["WHOP_API_KEY"])
    except TypeError:  # releases from 1.0.11 on
        return Whop(token=os.environ["WHOP_API_KEY"])
