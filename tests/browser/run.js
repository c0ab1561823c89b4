// Runs every journey against a demonstration of its own and ends with a line that tests/run counts.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { run } from "node:test";
import { spec } from "node:test/reporters";

import { BINARY, CHROMIUM, REPOSITORY, SCREENSHOTS } from "./support/places.js";

// What hangs has failed; a whole file takes a fraction of this.
const FILE_MILLISECONDS_MAX = 600_000;

function fail(advice) {
  console.error(advice);
  process.exit(1);
}

/** An old binary would be tested in place of what was written since. */
function isOlderThanSources(binary) {
  if (!existsSync(binary)) return true;
  const built = statSync(binary).mtimeMs;
  const sources = ["src", "providers", "config"].flatMap((folder) => {
    const files = readdirSync(REPOSITORY + folder, { recursive: true, withFileTypes: true });
    return files.filter((file) => file.isFile()).map((file) => `${file.parentPath ?? file.path}/${file.name}`);
  });
  return sources.some((file) => statSync(file).mtimeMs > built);
}

if (!existsSync(CHROMIUM)) fail(`There is no ${CHROMIUM}: install Chromium, or name it in CHROMIUM.`);
if (process.env.ZAHLSTELLE_BINARY) {
  if (!existsSync(BINARY)) fail(`There is no ${BINARY}, which ZAHLSTELLE_BINARY names.`);
} else if (isOlderThanSources(BINARY)) {
  const built = spawnSync("cargo", ["build", "--locked", "--package", "zahlstelle"], { cwd: REPOSITORY, stdio: "inherit" });
  if (built.status !== 0) fail("The service could not be built.");
}

// Pictures of an earlier run would pass for pictures of this one.
rmSync(SCREENSHOTS, { recursive: true, force: true });

const wanted = process.argv.slice(2);
const folder = fileURLToPath(new URL("journeys/", import.meta.url));
const files = readdirSync(folder)
  .filter((name) => name.endsWith(".test.js"))
  .filter((name) => wanted.length === 0 || wanted.some((word) => name.includes(word)))
  .map((name) => folder + name);

const counted = { pass: 0, fail: 0 };
const results = run({ files, concurrency: 1, timeout: FILE_MILLISECONDS_MAX });
// The file itself is reported as a test around its tests; only what has no tests within is counted.
const count = (kind) => (event) => {
  if (event.details?.type !== "suite" && !files.includes(event.name)) counted[kind] += 1;
};
results.on("test:pass", count("pass"));
results.on("test:fail", count("fail"));
results.on("test:fail", () => {
  process.exitCode = 1;
});
results.on("end", () => {
  if (counted.pass + counted.fail === 0) process.exitCode = 1;
  process.on("exit", () => console.log(`browser: ${counted.pass} passed, ${counted.fail} failed`));
});
results.compose(new spec()).pipe(process.stdout);
