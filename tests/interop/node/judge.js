// Judges deliveries by the reference implementation of Standard Webhooks in JavaScript, and signatures of ed25519, which
// that implementation does not know, by Node's own cryptography.
//
// Reads an array of deliveries and writes an array of verdicts, both JSON. Anything but a plain refusal is an error.

import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

function judge({ secret, public_key, headers, body }) {
  const webhook = new Webhook(secret);
  const signedAt = new Date(Number(headers["webhook-timestamp"]) * 1000);
  return {
    verified: isVerified(webhook, headers, body),
    signature: webhook.sign(headers["webhook-id"], signedAt, body),
    public_fits: publicFits(public_key, headers, body),
  };
}

function isVerified(webhook, headers, body) {
  try {
    webhook.verify(body, headers);
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
}

/** Whether one of the signatures `v1a` is over these bytes. Looks at no time. */
function publicFits(text, headers, body) {
  const x = Buffer.from(text.replace(/^whpk_/, ""), "base64").toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const content = Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
  return headers["webhook-signature"]
    .split(" ")
    .map((entry) => entry.split(","))
    .some(([version, signature]) => version === "v1a" && verify(null, content, key, Buffer.from(signature, "base64")));
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(judge)));
