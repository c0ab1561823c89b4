// What must hold of every page in every language, at every size and in both colour schemes.
import assert from "node:assert/strict";

import axe from "axe-core";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Everything at once. */
export async function inspect(page, name) {
  // The first look is at the page as it came: axe leaves marks of its own on a page that is not loaded again.
  await inspectStructure(page, name);
  await inspectReflow(page, name);
  await inspectWithAxe(page, name);
}

export async function inspectWithAxe(page, name) {
  await page.evaluate(axe.source);
  const found = await page.evaluate(
    (tags) =>
      window.axe.run(document, {
        runOnly: { type: "tag", values: tags },
        // The pages promise the contrast of level AAA.
        rules: { "color-contrast-enhanced": { enabled: true } },
      }),
    TAGS,
  );
  const findings = found.violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id}: ${rule.help}\n  ${node.html}\n  ${node.failureSummary}`),
  );
  assert.deepEqual(findings, [], `axe on ${name}`);
  assert.ok(found.passes.length > 10, `axe has looked at ${name}`);
}

/** WCAG 1.4.10: nothing has to be scrolled sideways, and nothing sticks out. */
export async function inspectReflow(page, name) {
  const sticking = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) return [`the page is ${document.documentElement.scrollWidth} wide`];
    const isClipped = (element) => getComputedStyle(element).clipPath !== "none";
    return [...document.querySelectorAll("body *")]
      .filter((element) => element.checkVisibility() && !element.closest(".skip") && !element.closest("thead, caption"))
      .filter((element) => !isClipped(element))
      .filter((element) => element.getBoundingClientRect().right > width + 0.5)
      .map((element) => element.outerHTML.slice(0, 200));
  });
  assert.deepEqual(sticking, [], `${name} at ${page.viewportSize().width} pixels`);
}

async function inspectStructure(page, name) {
  const facts = await page.evaluate(() => ({
    language: document.documentElement.lang,
    refresh: document.querySelectorAll("meta[http-equiv]").length,
    headings: document.querySelectorAll("h1").length,
    handlers: window.axe ? 0 : [...document.querySelectorAll("*")].filter((element) =>
      [...element.attributes].some((attribute) => attribute.name.startsWith("on") || attribute.name === "style"),
    ).length,
    title: document.title,
  }));
  assert.match(facts.language, /^(de|en)$/, name);
  assert.equal(facts.refresh, 0, `${name} never reloads by itself`);
  assert.equal(facts.headings, 1, name);
  assert.equal(facts.handlers, 0, name);
  assert.ok(facts.title.length > 3, name);
}

/** WCAG 1.4.12: text may be spaced out without anything being cut off or lost. */
export async function spaceOut(page) {
  await page.addStyleTag({
    content: "* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }\
      p { margin-block-end: 2em !important; }",
  });
}

/** Texts that are cut off by the box they are in. */
export async function cutOff(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll("main *, header *, footer *")]
      .filter((element) => element.checkVisibility() && !element.closest(".unseen, thead"))
      .filter((element) => ["hidden", "clip"].includes(getComputedStyle(element).overflowX))
      .filter((element) => element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight)
      .map((element) => element.outerHTML.slice(0, 200)),
  );
}
