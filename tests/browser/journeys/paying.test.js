// Paying, being declined, giving up, leaving and coming back: in both languages and at three sizes.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { LANGUAGES, VIEWPORTS, WORDS, decide, heading, launch, visit } from "../support/browser.js";
import { Demonstration } from "../support/demonstration.js";

let demonstration;
let browser;
before(async () => {
  [demonstration, browser] = await Promise.all([Demonstration.start(), launch()]);
});
after(async () => {
  await browser?.close();
  await demonstration?.stop();
});

for (const language of LANGUAGES) {
  const words = WORDS[language];
  for (const [size, viewport] of Object.entries(VIEWPORTS)) {
    const options = { language, viewport };
    describe(`${language}, ${size}`, () => {
      test("a citizen pays, gets a receipt and goes back to the portal", () =>
        visit(browser, options, async (page) => {
          const payment = await demonstration.create({ language });
          await page.goto(payment.checkout_url);
          assert.equal(await heading(page), words.pay);
          assert.equal(await page.locator("html").getAttribute("lang"), language);
          await page.getByRole("button", { name: words.card }).click();
          await decide(page, "approve");
          await page.getByRole("heading", { level: 1, name: words.paid }).waitFor();
          assert.equal(await page.locator("form").count(), 0, "there is nothing left to press");
          await page.getByRole("link", { name: words.showReceipt }).click();
          assert.equal(await heading(page), words.receipt);
          const printed = payment.kassenzeichen.replace(/^(.{4})(.{4})(.{4})(.*)$/, "$1.$2.$3.$4");
          await page.getByText(printed).waitFor();
          await page.goBack();
          await page.getByRole("link", { name: new RegExp(`^${words.back}`) }).click();
          assert.ok(page.url().startsWith(`${demonstration.portal}/zurueck?payment=${payment.id}`), page.url());
          const paid = await demonstration.until(payment, (now) => now.state === "paid");
          assert.equal(paid.amount_refundable, "13.00");
        }));

      test("a refused card leaves the payment open, and the second try pays once", () =>
        visit(browser, options, async (page) => {
          const payment = await demonstration.create({ language });
          await page.goto(payment.checkout_url);
          await page.getByRole("button", { name: words.card }).click();
          await decide(page, "decline");
          await demonstration.until(payment, (now) => now.attempts[0].tries > 0);
          await page.goto(payment.checkout_url);
          await page.getByRole("heading", { level: 2, name: words.declined }).waitFor();
          await page.getByRole("link", { name: words.onward }).click();
          await decide(page, "approve");
          await page.getByRole("heading", { level: 1, name: words.paid }).waitFor();
          await demonstration.until(payment, (now) => now.state === "paid");
          const taken = (await demonstration.transactions(payment)).map((row) => row.captured);
          assert.deepEqual(taken.filter((amount) => amount !== "0.00"), ["13.00"]);
        }));

      test("giving up asks first, and what was given up cannot be paid", () =>
        visit(browser, options, async (page) => {
          const payment = await demonstration.create({ language });
          await page.goto(payment.checkout_url);
          await page.getByRole("link", { name: words.cancel }).click();
          assert.equal(await heading(page), words.question);
          await page.getByRole("link", { name: words.goBack }).click();
          assert.equal(await heading(page), words.pay);
          await page.getByRole("link", { name: words.cancel }).click();
          await page.getByRole("button", { name: words.confirm }).click();
          assert.equal(await heading(page), words.cancelled);
          await page.reload();
          assert.equal(await heading(page), words.cancelled);
          assert.equal(await page.locator("form").count(), 0);
          assert.equal((await demonstration.until(payment, (now) => now.state === "cancelled")).attempts.length, 0);
        }));
    });
  }

  test(`${language}: who leaves comes back in a new tab or another browser, without cookies`, async () => {
    const payment = await demonstration.create({ language });
    await visit(browser, { language }, async (page, context) => {
      await page.goto(payment.checkout_url);
      await page.getByRole("button", { name: words.card }).click();
      const tab = await context.newPage();
      await tab.goto(payment.checkout_url);
      await tab.getByRole("link", { name: words.onward }).waitFor();
    });
    // Everything of the first browser is gone; the link alone opens the payment.
    let way;
    await visit(browser, { language }, async (page) => {
      await page.goto(payment.checkout_url);
      await page.getByRole("link", { name: words.onward }).click();
      page.on("request", (request) => {
        if (request.url().includes("/return/")) way = request.url();
      });
      await decide(page, "approve");
      await page.getByRole("heading", { level: 1, name: words.paid }).waitFor();
    });
    await visit(browser, { language }, async (page) => {
      await page.goto(way);
      assert.equal(await heading(page), words.paid, "the way back works where nobody has been before");
    });
  });

  test(`${language}: everything works without script`, () =>
    visit(browser, { language, viewport: VIEWPORTS.phone, javaScriptEnabled: false }, async (page) => {
      const payment = await demonstration.create({ language });
      await page.goto(payment.checkout_url);
      await page.getByRole("button", { name: words.extend }).click();
      assert.ok(page.url().endsWith("#time"), page.url());
      const extended = await demonstration.until(payment, (now) => now.expires_at !== payment.expires_at);
      assert.equal(Date.parse(extended.expires_at) - Date.parse(payment.expires_at), 30 * 60_000);
      await page.getByRole("link", { name: words.cancel }).click();
      await page.getByRole("link", { name: words.goBack }).click();
      await page.getByRole("button", { name: words.card }).click();
      await decide(page, "approve");
      assert.equal(await heading(page), words.paid);
    }));
}

test("a language that was chosen stays through the whole journey", () =>
  visit(browser, { language: "de", viewport: VIEWPORTS.phone }, async (page) => {
    const payment = await demonstration.create({ language: "de" });
    await page.goto(payment.checkout_url);
    const link = page.getByRole("link", { name: WORDS.de.other });
    assert.deepEqual([await link.getAttribute("lang"), await link.getAttribute("hreflang")], ["en", "en"]);
    await link.click();
    assert.equal(await heading(page), WORDS.en.pay);
    await page.getByRole("link", { name: WORDS.en.cancel }).click();
    assert.equal(await heading(page), WORDS.en.question);
    await page.getByRole("link", { name: WORDS.en.goBack }).click();
    await page.getByRole("button", { name: WORDS.en.card }).click();
    assert.equal(await page.locator("html").getAttribute("lang"), "en", "the provider's page, too");
    await decide(page, "approve");
    await page.getByRole("heading", { level: 1, name: WORDS.en.paid }).waitFor();
    assert.equal((await demonstration.until(payment, (now) => now.state === "paid")).attempts.length, 1);
  }));
