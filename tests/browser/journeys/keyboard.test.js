// Paying with a keyboard alone: every step can be reached, is seen when it is, and can be pressed.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { LANGUAGES, VIEWPORTS, WORDS, heading, launch, visit } from "../support/browser.js";
import { Demonstration } from "../support/demonstration.js";

const STEPS_MAX = 40;
const TARGET_PIXELS_MIN = 24;

let demonstration;
let browser;
before(async () => {
  [demonstration, browser] = await Promise.all([Demonstration.start(), launch()]);
});
after(async () => {
  await browser?.close();
  await demonstration?.stop();
});

/** What has the focus, and whether a person can see that. */
const focused = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    const middle = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return {
      name: (element.innerText ?? "").replaceAll("\u00a0", " ").trim(),
      uncovered: middle !== null && (element.contains(middle) || middle.contains(element)),
      outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
      height: box.height,
      inSentence: style.display === "inline",
    };
  });

/** Waits until what has the focus is within the window, where the browser scrolls it. */
const inView = (page) =>
  page.waitForFunction(() => {
    const box = document.activeElement.getBoundingClientRect();
    return box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth;
  });

/** Presses Tab until something has the focus, and looks at every stop on the way. */
async function tabTo(page, name) {
  for (let step = 0; step < STEPS_MAX; step += 1) {
    await page.keyboard.press("Tab");
    assert.ok(await page.evaluate(() => document.activeElement !== document.body), `"${name}" is not reached by Tab`);
    await inView(page);
    const stop = await focused(page);
    assert.ok(stop.outline && stop.uncovered, `the focus cannot be seen: ${JSON.stringify(stop)}`);
    assert.ok(stop.inSentence || stop.height >= TARGET_PIXELS_MIN, `too small: ${JSON.stringify(stop)}`);
    if (stop.name.startsWith(name)) return;
  }
  assert.fail(`"${name}" is not reached by Tab`);
}

for (const language of LANGUAGES) {
  const words = WORDS[language];
  for (const size of ["small", "desktop"]) {
    test(`${language}, ${size}: a payment from the first Tab to the receipt`, () =>
      visit(browser, { language, viewport: VIEWPORTS[size] }, async (page) => {
        const payment = await demonstration.create({ language });
        await page.goto(payment.checkout_url);
        await page.keyboard.press("Tab");
        assert.equal((await focused(page)).name, words.skip, "the first stop skips what every page begins with");
        await page.keyboard.press("Enter");
        await page.waitForURL(/#content$/);
        await page.locator("#content:focus").waitFor();
        await tabTo(page, words.extend);
        await page.keyboard.press("Space");
        await page.waitForURL(/#time$/);
        await page.goto(payment.checkout_url);
        await tabTo(page, words.card);
        await page.keyboard.press("Enter");
        await page.locator("button[value=approve]").waitFor();
        await page.locator("button[value=approve]").focus();
        await page.keyboard.press("Space");
        await page.getByRole("heading", { level: 1, name: words.paid }).waitFor();
        await tabTo(page, words.showReceipt);
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { level: 1, name: words.receipt }).waitFor();
        assert.equal(await heading(page), words.receipt);
      }));

    test(`${language}, ${size}: giving up, and changing one's mind`, () =>
      visit(browser, { language, viewport: VIEWPORTS[size] }, async (page) => {
        const payment = await demonstration.create({ language });
        await page.goto(payment.checkout_url);
        await tabTo(page, words.cancel);
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { level: 1, name: words.question }).waitFor();
        await tabTo(page, words.goBack);
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { level: 1, name: words.pay }).waitFor();
        await tabTo(page, words.cancel);
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { level: 1, name: words.question }).waitFor();
        await tabTo(page, words.confirm);
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { level: 1, name: words.cancelled }).waitFor();
      }));
  }
}
