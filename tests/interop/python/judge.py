"""Judges deliveries by the reference implementation of Standard Webhooks in Python.

Reads an array of deliveries and writes an array of verdicts, both JSON. Anything but a plain refusal is an error.
"""

import json
import sys
from datetime import datetime, timezone

from standardwebhooks import Webhook, WebhookVerificationError


def judge(delivery):
    webhook = Webhook(delivery["secret"])
    headers = delivery["headers"]
    signed_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), tz=timezone.utc)
    try:
        webhook.verify(delivery["body"].encode(), headers)
        verified = True
    except WebhookVerificationError:
        verified = False
    return {"verified": verified, "signature": webhook.sign(headers["webhook-id"], signed_at, delivery["body"])}


json.dump([judge(delivery) for delivery in json.load(sys.stdin)], sys.stdout)
