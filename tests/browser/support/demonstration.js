// A demonstration in a process of its own: the service, the twin and the portal, on free ports and in a folder that is
// removed with it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { BINARY } from "./places.js";

const PATIENCE_MILLISECONDS = 60_000;
let keys = 0;

export class Demonstration {
  #process;
  #folder;

  static async start() {
    const demonstration = new Demonstration();
    demonstration.#folder = mkdtempSync(join(tmpdir(), "zahlstelle-browser-"));
    const arguments_ = ["demo", "--data", demonstration.#folder];
    demonstration.#process = spawn(BINARY, arguments_, { stdio: ["ignore", "pipe", "ignore"] });
    // However this process ends, nothing of it stays behind.
    process.on("exit", () => demonstration.#process.kill("SIGKILL"));
    for await (const line of createInterface({ input: demonstration.#process.stdout })) {
      if (line.startsWith("Stop with Ctrl-C")) break;
    }
    if (demonstration.#process.exitCode !== null) throw new Error("the demonstration has ended at once");
    demonstration.#process.stdout.resume();
    Object.assign(demonstration, JSON.parse(readFileSync(join(demonstration.#folder, "demo.json"), "utf8")));
    return demonstration;
  }

  async stop() {
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A payment of one fee; what the API answers. */
  async create(wishes = {}) {
    keys += 1;
    return this.#ask(`${this.api}/v1/payments`, {
      method: "POST",
      headers: { "Idempotency-Key": `browser-${keys}`, "Content-Type": "application/json" },
      body: JSON.stringify({
        service: this.service,
        reference: `antrag-${keys}`,
        lines: [{ fee: "fuehrungszeugnis", quantity: 1 }],
        return_url: `${this.portal}/zurueck`,
        ...wishes,
      }),
    });
  }

  async refund(payment, amount) {
    keys += 1;
    return this.#ask(`${this.api}/v1/payments/${payment.id}/refunds`, {
      method: "POST",
      headers: { "Idempotency-Key": `browser-${keys}`, "Content-Type": "application/json" },
      body: JSON.stringify({ amount, reason: "test" }),
    });
  }

  /** Waits until a condition holds of a payment: looks, and looks again after each event of the feed. */
  async until(payment, holds) {
    const begun = Date.now();
    let after = 0;
    for (;;) {
      const now = await this.#ask(`${this.api}/v1/payments/${payment.id}`);
      if (holds(now)) return now;
      if (Date.now() - begun > PATIENCE_MILLISECONDS) throw new Error(`it never came to be: ${JSON.stringify(now)}`);
      const page = await this.#ask(`${this.api}/v1/events?after=${after}&limit=100&wait_seconds=1`);
      after = page.next_after;
    }
  }

  /** Orders faults of the simulated provider. */
  async arm(...faults) {
    await this.#control("POST", "faults", faults.map(([fault, operation, count]) => ({ fault, operation, count: count ?? 1 })));
  }

  async disarm() {
    await this.#control("DELETE", "faults");
  }

  /** How often a fault has happened. */
  async fired(fault, operation) {
    const rows = await this.#control("GET", "faults");
    return rows.find((row) => row.fault === fault && row.operation === operation)?.count ?? 0;
  }

  /** Moves the clock that service and provider share. */
  async advance(seconds) {
    await this.#control("POST", "clock", { advance_seconds: seconds });
  }

  /** What the simulated provider holds of a payment. */
  async transactions(payment) {
    const rows = await this.#control("GET", "transactions");
    return rows.filter((row) => row.merchant_reference.startsWith(payment.kassenzeichen));
  }

  async #control(method, name, body) {
    return this.#ask(`${this.twin}/control/${name}`, {
      method,
      headers: { "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
    });
  }

  async #ask(address, request = {}) {
    const headers = { ...request.headers, Authorization: `Bearer ${this.api_key}` };
    const answer = await fetch(address, { ...request, headers });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${address} answered ${answer.status}: ${text}`);
    return text === "" ? null : JSON.parse(text);
  }
}
