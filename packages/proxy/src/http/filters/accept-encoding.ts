/** Which content encoding a client is given: Envoy `CompressorFilter::chooseEncoding`. */

/** A compressor that could be used, in the order of the configuration. */
export interface Candidate {
  readonly encoding: string;
  readonly chooseFirst: boolean;
}

export interface EncodingChoice {
  /** "" for none. */
  readonly encoding: string;
  readonly because: "chosen" | "wildcard" | "identity" | "not-valid";
}

const NOT_VALID: EncodingChoice = { encoding: "", because: "not-valid" };
const IDENTITY: EncodingChoice = { encoding: "", because: "identity" };

/** @param accepted value of accept-encoding */
export function chooseEncoding(accepted: string, candidates: readonly Candidate[]): EncodingChoice {
  let allowed = candidates;
  let best = "";
  let bestQuality = 0;
  const wanted: { readonly name: string; readonly quality: number }[] = [];
  // cold: for responses that could be compressed
  for (const token of accepted.split(",")) {
    const semicolon = token.indexOf(";");
    const quality = semicolon < 0 ? 1 : qualityOf(token.slice(semicolon + 1));
    const name = (semicolon < 0 ? token : token.slice(0, semicolon)).trim();
    if (token === "" || Number.isNaN(quality)) continue;
    wanted.push({ name, quality });
    if (quality === 0) allowed = allowed.filter(({ encoding }) => encoding !== name);
  }
  if (wanted.length === 0 || allowed.length === 0) return NOT_VALID;
  const preferred = allowed.findLast(({ chooseFirst }) => chooseFirst)?.encoding;
  for (const { name, quality } of wanted) {
    if (name !== "identity" && name !== "*" && !allowed.some(({ encoding }) => encoding === name)) continue;
    if (quality > bestQuality || (quality === bestQuality && name === preferred)) {
      best = name;
      bestQuality = quality;
    }
  }
  if (bestQuality === 0) return NOT_VALID;
  if (best === "identity") return IDENTITY;
  return best === "*" ? { encoding: allowed[0].encoding, because: "wildcard" } : { encoding: best, because: "chosen" };
}

/** NaN for what is no number. */
function qualityOf(parameter: string): number {
  const equals = parameter.indexOf("=");
  if (equals < 0 || parameter.slice(0, equals).trim().toLowerCase() !== "q") return 1;
  const text = parameter.slice(equals + 1).trim();
  return text === "" ? Number.NaN : Number(text);
}
