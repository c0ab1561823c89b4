// A browser that notices whatever a citizen must never meet: requests to others, broken policies, cookies, errors.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";

import { chromium } from "playwright-core";

import { CHROMIUM, SCREENSHOTS } from "./places.js";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const LANGUAGES = ["de", "en"];
export const VIEWPORTS = {
  small: { width: 320, height: 640 },
  phone: { width: 390, height: 844 },
  desktop: { width: 1280, height: 900 },
};

/** Texts of the pages that tests press or look for, by language. */
export const WORDS = {
  de: {
    pay: "Gebühr bezahlen",
    card: "Kredit- oder Debitkarte",
    onward: "Beim Zahlungsdienst weiter",
    declined: "Abgelehnt",
    paid: "Vielen Dank, Ihre Zahlung ist angekommen",
    receipt: "Zahlungsbestätigung",
    showReceipt: "Zahlungsbestätigung anzeigen",
    cancel: "Zahlung abbrechen",
    question: "Möchten Sie die Zahlung wirklich abbrechen?",
    confirm: "Ja, Zahlung abbrechen",
    goBack: "Nein, zurück zur Zahlung",
    cancelled: "Die Zahlung wurde abgebrochen",
    expired: "Die Zeit zum Bezahlen ist abgelaufen",
    checking: "Ihre Zahlung wird noch geprüft",
    notAgain: "Bitte bezahlen Sie nicht noch einmal",
    lookAgain: "Jetzt noch einmal nachsehen",
    extend: "Um 30 Minuten verlängern",
    soon: "Die Zeit läuft bald ab",
    skip: "Zum Inhalt springen",
    notFound: "Diese Seite gibt es nicht",
    other: "English",
    problem: "Das hat nicht geklappt",
    back: "Zurück: ",
  },
  en: {
    pay: "Pay a fee",
    card: "Credit or debit card",
    onward: "Continue at the payment provider",
    declined: "Declined",
    paid: "Thank you, your payment has arrived",
    receipt: "Confirmation of payment",
    showReceipt: "Show the confirmation of payment",
    cancel: "Cancel this payment",
    question: "Do you really want to cancel this payment?",
    confirm: "Yes, cancel the payment",
    goBack: "No, back to the payment",
    cancelled: "The payment was cancelled",
    expired: "The time to pay is over",
    checking: "Your payment is still being checked",
    notAgain: "Please do not pay again",
    lookAgain: "Look again now",
    extend: "Extend by 30 minutes",
    soon: "The time is nearly over",
    skip: "Skip to content",
    notFound: "This page does not exist",
    other: "Deutsch",
    problem: "That did not work",
    back: "Back: ",
  },
};

export async function launch() {
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
}

/** Hands a fresh browser context without any memory to a test, and judges afterwards what happened in it. */
export async function visit(browser, options, test) {
  const { language = "de", viewport = VIEWPORTS.desktop, ...others } = options;
  const context = await browser.newContext({ locale: language === "de" ? "de-DE" : "en-GB", viewport, ...others });
  context.setDefaultTimeout(20_000);
  const faults = [];
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.hostname !== "127.0.0.1") faults.push(`asked somebody else: ${url.href}`);
  });
  context.on("console", (message) => {
    // The browser itself reports every status of 400 and above; what the page says then is what tests look at.
    const isStatus = message.text().startsWith("Failed to load resource: the server responded with a status of");
    if (["error", "warning"].includes(message.type()) && !isStatus) faults.push(`the console says: ${message.text()}`);
  });
  context.on("weberror", (error) => faults.push(`a script broke: ${error.error()}`));
  try {
    await test(await context.newPage(), context);
    assert.deepEqual(faults, []);
    assert.deepEqual(await context.cookies(), [], "there are no cookies");
  } finally {
    await context.close();
  }
}

/** Keeps a picture of the whole page below target/screenshots. */
export async function picture(page, name) {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: `${SCREENSHOTS}${name}.png`, fullPage: true });
}

export const heading = (page) => page.locator("h1").innerText();

/** Presses the button of the simulated provider's page. */
export async function decide(page, decision) {
  await page.locator(`button[name=decision][value=${decision}]`).click();
}
