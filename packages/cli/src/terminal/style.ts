/** What colours mean here. Node decides whether there are any: a terminal, NO_COLOR, FORCE_COLOR (util.styleText). */
import { styleText } from "node:util";

type Stream = NodeJS.WriteStream;
type Paint = (text: string, stream?: Stream) => string;

function paint(format: Parameters<typeof styleText>[0]): Paint {
  return (text, stream = process.stdout) => styleText(format, text, { stream });
}

export const style = {
  bold: paint("bold"),
  dim: paint("dim"),
  good: paint("green"),
  caution: paint("yellow"),
  bad: paint("red"),
  link: paint("cyan"),
} as const;
