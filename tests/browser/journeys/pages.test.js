// Every page in every language, at three sizes and in both colour schemes: axe finds nothing, nothing sticks out. The
// pictures of this run are below target/screenshots.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { LANGUAGES, VIEWPORTS, WORDS, decide, heading, launch, picture, visit } from "../support/browser.js";
import { Demonstration } from "../support/demonstration.js";
import { cutOff, inspect, inspectReflow, spaceOut } from "../support/inspection.js";

let demonstration;
let browser;
before(async () => {
  [demonstration, browser] = await Promise.all([Demonstration.start(), launch()]);
});
after(async () => {
  await browser?.close();
  await demonstration?.stop();
});

/** Opens a payment's page and goes to the provider. */
async function begin(page, payment) {
  await page.goto(payment.checkout_url);
  await page.locator("button[name=method][value=card]").click();
  await page.locator("button[name=decision]").first().waitFor();
}

async function pay(page, payment) {
  await begin(page, payment);
  await decide(page, "approve");
  return demonstration.until(payment, (now) => now.state === "paid");
}

/**
 * Brings a payment to a page. What comes back is where the page is, or nothing where only the answer to a form shows it
 * and the browser is there already.
 */
const SITUATIONS = {
  checkout: async (_, payment) => payment.checkout_url,
  "time nearly over": async (_, payment) => payment.checkout_url,
  continue: async (page, payment) => {
    await begin(page, payment);
    return payment.checkout_url;
  },
  declined: async (page, payment) => {
    await begin(page, payment);
    await decide(page, "decline");
    await demonstration.until(payment, (now) => now.attempts[0].tries > 0);
    return payment.checkout_url;
  },
  "provider away": async (page, payment) => {
    await demonstration.arm(["refuse_connection", "open_page", 20]);
    await page.goto(payment.checkout_url);
    await page.locator("button[name=method][value=card]").click();
    await page.getByRole("alert").waitFor();
    assert.ok((await demonstration.fired("refuse_connection", "open_page")) > 0);
    await demonstration.disarm();
  },
  "cancel question": async (_, payment) => `${payment.checkout_url}/cancel`,
  cancelled: async (page, payment) => {
    await page.goto(`${payment.checkout_url}/cancel`);
    await page.locator("main form button").click();
    return payment.checkout_url;
  },
  pending: async (page, payment) => {
    await demonstration.arm(["pending", "pay"]);
    await begin(page, payment);
    await decide(page, "approve");
    await demonstration.until(payment, (now) => now.attempts[0].state === "pending");
    return payment.checkout_url;
  },
  checking: async (page, payment) => {
    // The provider stays out of reach until every picture was taken, or the outcome would be known by then.
    await demonstration.arm(["lose_answer", "close_page", 1000], ["refuse_connection", "query", 1000]);
    await begin(page, payment);
    await page.goto(`${payment.checkout_url}/cancel`);
    await page.locator("main form button").click();
    await demonstration.until(payment, (now) => now.state === "outcome_unknown");
    return payment.checkout_url;
  },
  held: async (page, payment) => {
    await begin(page, payment);
    await decide(page, "approve");
    await demonstration.until(payment, (now) => now.state === "authorised");
    return payment.checkout_url;
  },
  reversed: async (page, payment) => {
    await demonstration.arm(["reversal", "pay"]);
    await begin(page, payment);
    await decide(page, "approve");
    await demonstration.until(payment, (now) => now.state === "reversed");
    return payment.checkout_url;
  },
  paid: async (page, payment) => {
    await pay(page, payment);
    return payment.checkout_url;
  },
  receipt: async (page, payment) => {
    await pay(page, payment);
    return `${payment.checkout_url}/receipt`;
  },
  "receipt after a refund": async (page, payment) => {
    await pay(page, payment);
    await demonstration.refund(payment, "5.00");
    await demonstration.until(payment, (now) => now.amount_refunded === "5.00");
    return `${payment.checkout_url}/receipt`;
  },
  expired: async (_, payment) => {
    await demonstration.advance(31 * 60);
    await demonstration.until(payment, (now) => now.state === "expired");
    return payment.checkout_url;
  },
  "not found": async () => `${demonstration.api}/pay/unknown`,
  "not found below": async (_, payment) => `${payment.checkout_url}/unknown`,
  "portal": async () => `${demonstration.portal}/`,
  "portal afterwards": async (page, payment) => {
    await pay(page, payment);
    return `${demonstration.portal}/zurueck?payment=${payment.id}`;
  },
};

/** How each page is looked at. Colours do not depend on the size, so the dark ones are seen once. */
const LOOKS = [
  ["desktop", "light"],
  ["small", "light"],
  ["phone", "light"],
  ["phone", "dark"],
];

const WISHES = { "time nearly over": { expires_in_seconds: 200 }, held: { capture: "manual" } };

for (const language of LANGUAGES) {
  describe(language, () => {
    for (const [name, reach] of Object.entries(SITUATIONS)) {
      test(name, () =>
        visit(browser, { language }, async (page) => {
          const payment = await demonstration.create({ language, ...WISHES[name] });
          const address = await reach(page, payment);
          const headings = new Set();
          for (const [size, colorScheme] of LOOKS) {
            await page.emulateMedia({ colorScheme });
            await page.setViewportSize(VIEWPORTS[size]);
            if (address) await page.goto(address);
            assert.equal(await page.locator("html").getAttribute("lang"), language, name);
            await inspect(page, `${name}, ${language}, ${size}, ${colorScheme}`);
            headings.add(await heading(page));
            await picture(page, `${name.replaceAll(" ", "-")}-${language}-${size}-${colorScheme}`);
          }
          await demonstration.disarm();
          assert.equal(headings.size, 1, `the page became another one: ${[...headings].join(", ")}`);
        }));
    }

    test("a form of another site is refused in the citizen's language", () =>
      visit(browser, { language }, async (page) => {
        const payment = await demonstration.create({ language });
        await page.goto(`${demonstration.portal}/`);
        // The portal is another origin: same host, other port.
        await page.evaluate((address) => {
          const form = document.createElement("form");
          Object.assign(form, { method: "post", action: address });
          document.body.append(form);
          form.submit();
        }, `${payment.checkout_url}/cancel`);
        await page.waitForURL(`${payment.checkout_url}/cancel`);
        await inspect(page, "foreign form");
        assert.equal((await demonstration.until(payment, () => true)).state, "open");
      }));

    test("a page that is enlarged four times needs no scrolling sideways", () =>
      visit(browser, { language, viewport: { width: 320, height: 256 }, deviceScaleFactor: 4 }, async (page) => {
        const payment = await demonstration.create({ language });
        for (const address of [payment.checkout_url, `${payment.checkout_url}/cancel`, `${demonstration.api}/pay/unknown`]) {
          await page.goto(address);
          await inspectReflow(page, address);
        }
        await pay(page, payment);
        await page.goto(`${payment.checkout_url}/receipt`);
        await inspectReflow(page, "receipt");
      }));

    test("text that is spaced out is neither cut off nor lost", () =>
      visit(browser, { language, viewport: VIEWPORTS.small, bypassCSP: true }, async (page) => {
        const payment = await demonstration.create({ language });
        for (const address of [payment.checkout_url, `${payment.checkout_url}/cancel`, `${demonstration.api}/pay/unknown`]) {
          await page.goto(address);
          await spaceOut(page);
          await inspectReflow(page, address);
          assert.deepEqual(await cutOff(page), [], address);
        }
      }));

    test("text of twice the size stays in one column", () =>
      visit(browser, { language, viewport: VIEWPORTS.phone, bypassCSP: true }, async (page) => {
        const payment = await demonstration.create({ language });
        await page.goto(payment.checkout_url);
        await page.addStyleTag({ content: "html { font-size: 200% }" });
        await inspectReflow(page, "checkout");
        await picture(page, `checkout-${language}-phone-twice`);
      }));

    test("colours of the reader's own choice keep buttons and boxes visible", () =>
      visit(browser, { language, forcedColors: "active", viewport: VIEWPORTS.phone }, async (page) => {
        const payment = await demonstration.create({ language });
        await page.goto(payment.checkout_url);
        const button = page.getByRole("button", { name: WORDS[language].card });
        const [border, ground] = await button.evaluate((element) => {
          const style = getComputedStyle(element);
          return [style.borderTopColor, style.backgroundColor];
        });
        assert.notEqual(border, ground, "the border of a button is seen");
        await picture(page, `checkout-${language}-phone-forced-colours`);
      }));

    test("a printed receipt is what was paid and nothing to press", () =>
      visit(browser, { language }, async (page) => {
        const payment = await demonstration.create({ language });
        await pay(page, payment);
        await page.goto(`${payment.checkout_url}/receipt`);
        await page.emulateMedia({ media: "print" });
        assert.equal(await heading(page), WORDS[language].receipt);
        for (const away of ["footer", ".languages", ".leave", ".hint"]) {
          assert.equal(await page.locator(away).isVisible(), false, away);
        }
        for (const stays of [".authority", ".kassenzeichen", ".lines", ".id"]) {
          assert.equal(await page.locator(stays).isVisible(), true, stays);
        }
        await picture(page, `receipt-${language}-printed`);
      }));
  });
}
