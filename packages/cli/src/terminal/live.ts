/** A block of lines that is redrawn in place, and the keys pressed meanwhile; on a terminal only. */
import { stripVTControlCharacters } from "node:util";

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const CLEAR_BELOW = "\x1b[J";
/** For terminals that do not say how big they are. */
const USUAL = { columns: 80, rows: 24 };
const CTRL_C = "\x03";

export interface LiveBlock {
  /** Replaces what was drawn before. Lines too many or too long for the terminal are cut. */
  draw(text: string): void;
  /** Leaves the last drawing on the screen and gives the terminal back as it was. */
  close(): void;
}

/** `onQuit` is called for q and Ctrl-C. */
export function openLiveBlock(onQuit: () => void): LiveBlock {
  const { stdin, stdout } = process;
  let drawn = 0;
  const onKey = (key: Buffer): void => {
    const text = key.toString();
    if (text === "q" || text === "Q" || text === CTRL_C) onQuit();
  };
  if (stdin.isTTY) {
    stdin.setRawMode(true);
    stdin.on("data", onKey);
  }
  const restore = (): void => {
    if (stdin.isTTY) stdin.setRawMode(false);
    stdout.write(SHOW_CURSOR);
  };
  process.once("exit", restore);
  stdout.write(HIDE_CURSOR);
  const draw = (text: string): void => {
    const lines = text.split("\n").slice(0, Math.max(1, (stdout.rows || USUAL.rows) - 1));
    const up = drawn > 1 ? `\x1b[${drawn - 1}A` : "";
    stdout.write(`${up}\r${CLEAR_BELOW}${lines.map((line) => cut(line, stdout.columns || USUAL.columns)).join("\n")}`);
    drawn = lines.length;
  };
  const close = (): void => {
    process.off("exit", restore);
    stdin.off("data", onKey);
    stdin.pause();
    restore();
    stdout.write("\n");
  };
  return { draw, close };
}

/** A line too long for the terminal would wrap, and the next drawing miss its place. */
function cut(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line);
  return plain.length < columns ? line : plain.slice(0, columns - 1);
}
