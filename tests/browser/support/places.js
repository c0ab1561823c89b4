// Where everything is.
import { fileURLToPath } from "node:url";

export const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));
export const BINARY = process.env.ZAHLSTELLE_BINARY ?? `${REPOSITORY}target/debug/zahlstelle`;
export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const SCREENSHOTS = `${REPOSITORY}target/screenshots/`;
