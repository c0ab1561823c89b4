// Where everything is.
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));
// npm changes the folder and says where it was called.
const CALLED_FROM = process.env.INIT_CWD ?? process.cwd();
export const BINARY = resolve(CALLED_FROM, process.env.ZAHLSTELLE_BINARY ?? `${REPOSITORY}target/debug/zahlstelle`);
export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const SCREENSHOTS = `${REPOSITORY}target/screenshots/`;
