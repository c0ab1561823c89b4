// The time to pay: warnings in time, more of it at the press of a button, and what is shown when it is over.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

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

  test(`${language}: the warning appears in time, is read aloud, and disturbs nobody`, () =>
    visit(browser, { language }, async (page) => {
      const payment = await demonstration.create({ language });
      // The browser's own clock is moved, and is wrong by an hour besides.
      await page.clock.install({ time: Date.now() + 3_600_000 });
      let loads = 0;
      page.on("load", () => (loads += 1));
      await page.goto(payment.checkout_url);
      const [soon, over] = [page.locator("#time-soon"), page.locator("#time-over")];
      assert.equal(await page.locator("#time-left").getAttribute("role"), "status", "it is a live region");
      await page.clock.fastForward("24:00");
      assert.deepEqual([await soon.isVisible(), await over.isVisible()], [false, false], "six minutes are left");
      const button = page.getByRole("button", { name: words.card });
      await button.focus();
      await page.clock.fastForward("01:01");
      await soon.waitFor({ state: "visible" });
      assert.equal(await soon.locator("h2").innerText(), words.soon);
      await page.clock.fastForward("05:00");
      await over.waitFor({ state: "visible" });
      assert.equal(await soon.isVisible(), false);
      assert.ok(await button.evaluate((element) => element === document.activeElement), "the focus stays where it is");
      assert.equal(loads, 1, "nothing was loaded again");
    }));

  test(`${language}: the time is extended ten times, each by a plain button`, () =>
    visit(browser, { language, viewport: VIEWPORTS.phone, javaScriptEnabled: false }, async (page) => {
      const payment = await demonstration.create({ language });
      await page.goto(payment.checkout_url);
      for (let times = 1; times <= 10; times += 1) {
        await page.getByRole("button", { name: words.extend }).click();
        const minutes = (30 * (times + 1) * 60_000);
        const end = new Date(Date.parse(payment.expires_at) - 30 * 60_000 + minutes);
        const shown = await page.locator("dd time").getAttribute("datetime");
        assert.equal(Date.parse(shown), end.getTime(), `after ${times}`);
      }
      assert.equal(await page.getByRole("button", { name: words.extend }).count(), 0);
      await page.getByRole("button", { name: words.card }).waitFor();
    }));

  test(`${language}: little time is told when the page is opened, without script`, () =>
    visit(browser, { language, javaScriptEnabled: false }, async (page) => {
      const payment = await demonstration.create({ language, expires_in_seconds: 200 });
      await page.goto(payment.checkout_url);
      await page.getByRole("heading", { level: 2, name: words.soon }).waitFor();
      const [target] = await page.locator("#time-soon a").evaluateAll((links) => links.map((link) => link.hash));
      assert.equal(await page.locator(target).count(), 1, "the warning leads to the way out");
    }));

  test(`${language}: a payment whose time was extended can be paid after its first end`, () =>
    visit(browser, { language }, async (page) => {
      const payment = await demonstration.create({ language });
      await page.goto(payment.checkout_url);
      await page.getByRole("button", { name: words.extend }).click();
      await demonstration.advance(31 * 60);
      await page.goto(payment.checkout_url);
      await page.getByRole("button", { name: words.card }).click();
      await decide(page, "approve");
      await page.getByRole("heading", { level: 1, name: words.paid }).waitFor();
    }));

  test(`${language}: what was not paid in time says so, and how to go on`, () =>
    visit(browser, { language }, async (page) => {
      const payment = await demonstration.create({ language });
      await page.goto(payment.checkout_url);
      await demonstration.advance(31 * 60);
      // The page was open all the while; pressing its button leads to the truth.
      await page.getByRole("button", { name: words.card }).click();
      assert.equal(await heading(page), words.expired);
      assert.equal(await page.locator("form").count(), 0);
      assert.equal(await page.locator("a[href^='tel:']").count(), 1, "it says whom to call");
      await page.getByRole("link", { name: new RegExp(`^${words.back}`) }).waitFor();
      await demonstration.until(payment, (now) => now.state === "expired");
    }));

  test(`${language}: what is not known yet is not paid again`, async () => {
    const payment = await demonstration.create({ language });
    await demonstration.arm(["lose_answer", "close_page", 50], ["refuse_connection", "query", 50]);
    await visit(browser, { language, viewport: VIEWPORTS.phone }, async (page) => {
      await page.goto(payment.checkout_url);
      await page.getByRole("button", { name: words.card }).click();
      await page.goto(`${payment.checkout_url}/cancel`);
      await page.getByRole("button", { name: words.confirm }).click();
      await page.getByRole("heading", { level: 1, name: words.checking }).waitFor();
      assert.ok((await demonstration.fired("lose_answer", "close_page")) > 0, "the provider did not answer");
      await page.getByText(words.notAgain).waitFor();
      assert.equal(await page.locator("form").count(), 0);
      assert.equal(await page.locator("a[href^='tel:']").count(), 1);
      await demonstration.disarm();
      await demonstration.advance(20 * 60);
      await demonstration.until(payment, (now) => now.state === "cancelled");
      await page.getByRole("link", { name: words.lookAgain }).click();
      assert.equal(await heading(page), words.cancelled);
    });
  });
}
