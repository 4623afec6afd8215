/** Random expressions, most of them valid: what is refused has to be refused by both. */
import { CODES, DATA_END, INSTANCES, JOBS } from "./data.ts";
import type { Random } from "./random.ts";

const LABELS = ["job", "instance", "code", "team", "version", "le", "nothing"];
const RANGES = ["15s", "30s", "1m", "2m30s", "5m", "10m", "1h"];
const VALUE_FUNCTIONS =
  "abs ceil exp floor ln log2 log10 sgn sqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh deg rad timestamp sort sort_desc".split(
    " ",
  );
/** Of NaN, Go makes dates of its smallest integer: only asked of what is finite. */
const DATE_FUNCTIONS = "minute hour day_of_week day_of_month day_of_year days_in_month month year".split(" ");
const RANGE_FUNCTIONS =
  "rate rate rate irate increase delta idelta deriv changes resets avg_over_time min_over_time max_over_time sum_over_time count_over_time stddev_over_time stdvar_over_time last_over_time present_over_time absent_over_time".split(
    " ",
  );
const AGGREGATIONS = "sum sum avg min max count group stddev stdvar".split(" ");
// Not atan2: Prometheus 2.42 keeps names there, which later ones mended. Not %: near multiples, the last bit of a sum decides.
const ARITHMETIC = ["+", "-", "*", "/", "^"];
const COMPARISONS = ["==", "!=", ">", "<", ">=", "<="];
const SETS = ["and", "or", "unless"];

export class ExpressionGenerator {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  expression(): string {
    if (this.#random.chance(0.03)) return this.#random.of([this.#scalar(3), this.#range(3), '"text"']);
    return this.#vector(1 + this.#random.below(3));
  }

  #matcher(): string {
    const random = this.#random;
    switch (random.below(7)) {
      case 0:
        return `job="${random.of(JOBS)}"`;
      case 1:
        return `job!="${random.of(JOBS)}"`;
      case 2:
        return `job=~"${random.of(["api|web", "a.*", ".+", ".*", "db\\\\.x", "api|db.x", "w[a-f]b", "(?i)API", ""])}"`;
      case 3:
        return `instance!~"${random.of(["a:1|b:2", "a.+", ".*:3", "[ab]:."])}"`;
      case 4:
        return `instance="${random.of(INSTANCES)}"`;
      case 5:
        return `code=~"${random.of(["5..", "4..|5..", "2.*", "5.*", "200"])}"`;
      default:
        return `code!="${random.of(CODES)}"`;
    }
  }

  #selector(): string {
    const random = this.#random;
    const name = random.of([
      "requests_total",
      "requests_total",
      "temperature",
      "limits",
      "strange",
      "latency_bucket",
      "job_info",
      "lonely",
      "missing",
    ]);
    if (random.chance(0.04))
      return `{__name__=~"${random.of(["temp.*|limits", "requests_total", ".*_total|lonely"])}"}`;
    const matchers = Array.from({ length: random.chance(0.5) ? 0 : 1 + random.below(2) }, () => this.#matcher());
    return matchers.length === 0 ? name : `${name}{${matchers.join(random.of([",", ", "]))}}`;
  }

  #when(): string {
    const random = this.#random;
    let text = "";
    if (random.chance(0.12)) text += ` offset ${random.of(["1m", "5m", "-2m", "90s", "15s"])}`;
    if (random.chance(0.06))
      text += ` @ ${random.of([String(DATA_END / 1000 - 300), String(DATA_END / 1000 - 901.5), "start()", "end()"])}`;
    return text;
  }

  #range(depth: number): string {
    const random = this.#random;
    if (depth > 0 && random.chance(0.15)) {
      const step = random.of(["", "30s", "1m", "17s", "2m"]);
      return `${this.#vector(depth - 1, true)}[${random.of(["2m", "5m", "7m30s"])}:${step}]${this.#when()}`;
    }
    return `${this.#selector()}[${random.of(RANGES)}]${this.#when()}`;
  }

  /** Whole numbers. */
  #whole(): string {
    const inner = this.#random.of(["requests_total", `requests_total{${this.#matcher()}}`, "latency_bucket", "limits"]);
    return this.#random.of([
      inner,
      `sum${this.#grouping()} (${inner})`,
      `${inner} % 7`,
      `changes(${inner}[5m])`,
      `-17 % ${inner}`,
    ]);
  }

  #literal(): string {
    return this.#random.of(["0", "1", "2", "-1", "0.5", "1e3", "100", "NaN", "Inf", "-Inf", "0x1F", "3.25"]);
  }

  #scalar(depth: number): string {
    const random = this.#random;
    switch (random.below(depth > 0 ? 9 : 4)) {
      case 0:
        return this.#literal();
      case 1:
      case 2:
        return String(random.below(50));
      case 3:
        return random.of(["time()", "pi()"]);
      case 4:
        return `scalar(${this.#vector(depth - 1)})`;
      case 5:
        return `(${this.#scalar(depth - 1)} ${random.of(ARITHMETIC)} ${this.#scalar(depth - 1)})`;
      case 6:
        return `(${this.#scalar(depth - 1)} ${random.of(COMPARISONS)} bool ${this.#scalar(depth - 1)})`;
      case 7:
        return `-${this.#scalar(depth - 1)}`;
      default:
        return `(${this.#scalar(depth - 1)})`;
    }
  }

  #grouping(): string {
    const random = this.#random;
    if (random.chance(0.25)) return "";
    return ` ${random.of(["by", "by", "without"])} (${random.some(LABELS).join(", ")})`;
  }

  #matching(sets: boolean): string {
    const random = this.#random;
    if (random.chance(0.35)) return "";
    const text = ` ${random.of(["on", "ignoring"])}(${random.some(LABELS).join(",")})`;
    if (sets || random.chance(0.45)) return text;
    const include = random.chance(0.5) ? `(${random.some(["team", "version", "code", "nothing"]).join(",")})` : "";
    return `${text} ${random.of(["group_left", "group_left", "group_right"])}${include}`;
  }

  #aggregation(depth: number): string {
    const random = this.#random;
    const grouping = this.#grouping();
    const [before, after] = random.chance(0.5) ? [grouping, ""] : ["", grouping];
    const inner = this.#vector(depth - 1);
    if (random.chance(0.7)) return `${random.of(AGGREGATIONS)}${before}(${inner})${after}`;
    switch (random.below(4)) {
      case 0:
        // Last in order: with others Prometheus 2.42 mixes up `by`.
        return `count_values${before}("${random.of(["zz", "zz", "bad-name"])}", ${this.#whole()})${after}`;
      case 1:
        return `quantile${before}(${random.of(["0.5", "0.9", "0", "1", "-1", "2", "NaN", this.#scalar(1)])}, ${inner})${after}`;
      default: {
        // Of equal values, which ones are the best depends on the order of series in the store.
        const distinct = random.of([
          "temperature",
          "avg_over_time(temperature[5m])",
          `temperature{${this.#matcher()}}`,
        ]);
        const k = random.of(["1", "2", "3", "0", "-1", "100", "1e20", `scalar(lonely)`]);
        return `${random.of(["topk", "bottomk"])}${before}(${k}, ${distinct})${after}`;
      }
    }
  }

  #binary(depth: number): string {
    const random = this.#random;
    if (random.chance(0.2)) {
      const op = random.of(SETS);
      return `(${this.#vector(depth - 1)} ${op}${this.#matching(true)} ${this.#vector(depth - 1)})`;
    }
    const compares = random.chance(0.4);
    const op = random.of(compares ? COMPARISONS : ARITHMETIC);
    const bool = compares && random.chance(0.3) ? " bool" : "";
    switch (random.below(4)) {
      case 0:
        return `${this.#vector(depth - 1)} ${op}${bool} ${this.#scalar(depth - 1)}`;
      case 1:
        return `${this.#scalar(depth - 1)} ${op}${bool} ${this.#vector(depth - 1)}`;
      case 2: {
        // Both sides alike: most of these match one to one.
        const grouping = ` by (${random.some(["job", "instance", "code"]).join(", ")})`;
        const side = (): string => `sum${grouping} (${this.#vector(0)})`;
        return `${side()} ${op}${bool} ${side()}`;
      }
      default:
        return `(${this.#vector(depth - 1)} ${op}${bool}${this.#matching(false)} ${this.#vector(depth - 1)})`;
    }
  }

  #labelFunction(depth: number): string {
    const random = this.#random;
    const inner = this.#vector(depth - 1);
    const destination = random.of(["target", "job", "instance", "__name__", "bad-name"]);
    if (random.chance(0.4)) {
      const sources = random.some(["job", "instance", "code"]).map((name) => `, "${name}"`);
      return `label_join(${inner}, "${destination}", "${random.of(["-", ".", ""])}"${sources.join("")})`;
    }
    const replacement = random.of(["$1", "x-$1", "${1}y", "$0", "", "$2", "$$1", "$name", "fixed"]);
    const pattern = random.of(["(.*)", "(.*):(.*)", "a(.*)", "(?P<name>[a-c]).*", "nomatch", "(", "api|web", ""]);
    return `label_replace(${inner}, "${destination}", "${replacement}", "${random.of(["job", "instance", "nothing"])}", "${pattern}")`;
  }

  #vector(depth: number, atomic = false): string {
    const random = this.#random;
    const text = this.#anyVector(depth);
    if (atomic && /^[^()]* /.test(text)) return `(${text})`;
    return random.chance(0.05) ? `(${text})` : text;
  }

  #anyVector(depth: number): string {
    const random = this.#random;
    if (depth <= 0) {
      if (random.chance(0.6)) return `${this.#selector()}${this.#when()}`;
      return `${random.of(RANGE_FUNCTIONS)}(${this.#range(0)})`;
    }
    switch (random.below(16)) {
      case 0:
      case 1:
      case 2:
        return this.#aggregation(depth);
      case 3:
      case 4:
      case 5:
      case 6:
        return this.#binary(depth);
      case 7:
        return `${random.of(VALUE_FUNCTIONS)}(${this.#vector(depth - 1)})`;
      case 8:
      case 9:
        return `${random.of(RANGE_FUNCTIONS)}(${this.#range(depth)})`;
      case 10:
        return random.of([
          // Literals: beside a scalar that moves, `@` of a range is not fixed in Prometheus 2.42.
          `quantile_over_time(${this.#literal()}, ${this.#range(depth)})`,
          `predict_linear(${this.#selector()}[${random.of(RANGES)}], ${this.#scalar(1)})`,
        ]);
      case 11:
        return `histogram_quantile(${random.of(["0.5", "0.9", "0.99", "0", "1", "2", "-1", this.#scalar(1)])}, ${random.of(
          [
            `sum by (le${random.of(["", ", job", ", instance"])}) (rate(latency_bucket[${random.of(RANGES)}]))`,
            `latency_bucket`,
            `rate(latency_bucket[5m])`,
            this.#vector(depth - 1),
          ],
        )})`;
      case 12:
        return this.#labelFunction(depth);
      case 13:
        return random.of([
          `round(${this.#vector(depth - 1)}${random.chance(0.5) ? "" : `, ${random.of(["0.1", "10", "0.001", this.#scalar(1)])}`})`,
          `clamp(${this.#vector(depth - 1)}, ${this.#scalar(1)}, ${this.#scalar(1)})`,
          `clamp_min(${this.#vector(depth - 1)}, ${this.#scalar(1)})`,
          `clamp_max(${this.#vector(depth - 1)}, ${this.#scalar(1)})`,
        ]);
      case 14:
        return random.of([
          `vector(${this.#scalar(depth)})`,
          `absent(${this.#vector(depth - 1)})`,
          `-${this.#vector(depth - 1)}`,
          `${random.of(DATE_FUNCTIONS)}()`,
          `${random.of(DATE_FUNCTIONS)}(${random.of(["timestamp(lonely)", "temperature * 1e7", "vector(time() - 86400 * 45)"])})`,
        ]);
      default:
        return random.of([`${this.#selector()}${this.#when()}`, this.#whole()]);
    }
  }
}
