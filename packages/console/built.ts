/** Where the console is when it has been built. */
import { join } from "node:path";

/** `index.html` and `assets/`, whose names have their content's hash; each text also as `.br` and `.gz`. */
export const CONSOLE_DIRECTORY: string = join(import.meta.dirname, "dist");
