// How long a citizen waits for the first byte, and how much a first visit weighs: a table for docs/benchmarks.md.
//
//   cargo build --release && ZAHLSTELLE_BINARY=target/release/zahlstelle npm run measure --prefix tests/browser
import { request } from "node:http";
import { performance } from "node:perf_hooks";

import { visit, launch } from "./support/browser.js";
import { Demonstration } from "./support/demonstration.js";

const VISITS = 500;
const WARM_UP = 50;

/** Milliseconds until the first byte of an answer, over a connection of its own as on a first visit. */
function firstByte(address) {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const asked = request(address, { agent: false }, (answer) => {
      answer.once("readable", () => resolve(performance.now() - begun));
      answer.resume();
    });
    asked.once("error", reject);
    asked.end();
  });
}

function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(2);
}

const demonstration = await Demonstration.start();
const browser = await launch();
try {
  const payment = await demonstration.create();
  console.log("| first byte of | p50 ms | p99 ms |\n|---|---|---|");
  for (const [name, address] of [
    ["the checkout", payment.checkout_url],
    ["the question before cancelling", `${payment.checkout_url}/cancel`],
    ["a page that is not there", `${demonstration.api}/pay/unknown`],
    ["the style sheet", `${demonstration.api}/pay/assets/checkout.css`],
  ]) {
    const times = [];
    for (let index = 0; index < WARM_UP + VISITS; index += 1) {
      const time = await firstByte(address);
      if (index >= WARM_UP) times.push(time);
    }
    times.sort((one, other) => one - other);
    console.log(`| ${name} | ${quantile(times, 0.5)} | ${quantile(times, 0.99)} |`);
  }
  console.log("\n| a first visit loads | bytes with headers |\n|---|---|");
  await visit(browser, {}, async (page, context) => {
    let total = 0;
    const client = await context.newCDPSession(page);
    await client.send("Network.enable");
    const names = new Map();
    client.on("Network.responseReceived", ({ requestId, response }) => names.set(requestId, response.url));
    client.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      const url = new URL(names.get(requestId));
      if (url.protocol === "data:") return;
      total += encodedDataLength;
      const name = url.pathname.startsWith("/pay/assets/") ? url.pathname : "the checkout";
      console.log(`| ${name} | ${encodedDataLength} |`);
    });
    await page.goto(payment.checkout_url, { waitUntil: "networkidle" });
    console.log(`| together | ${total} |`);
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    console.log(`\nFirst contentful paint in Chromium without a cache: ${paint?.toFixed(0)} ms`);
  });
} finally {
  await browser.close();
  await demonstration.stop();
}
process.exit(0);
