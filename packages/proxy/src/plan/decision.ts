import type { MatcherInput } from "./matcher-tree.ts";

/** A question about a subject, or the end of a way: what it leads to. All have one shape. */
export class Decision<Subject> {
  /** Null at the end of a way, and where `read` asks. */
  private readonly ask: ((subject: Subject) => boolean) | null;
  private readonly read: ((subject: Subject) => string | undefined) | null;
  private readonly among: ReadonlyMap<string, Decision<Subject>> | null;
  /** Itself at the end of a way. */
  private readonly yes: Decision<Subject>;
  private readonly no: Decision<Subject>;
  private readonly result: number;

  private constructor(
    ask: ((subject: Subject) => boolean) | null,
    read: ((subject: Subject) => string | undefined) | null,
    among: ReadonlyMap<string, Decision<Subject>> | null,
    yes: Decision<Subject> | null,
    no: Decision<Subject> | null,
    result: number,
  ) {
    this.ask = ask;
    this.read = read;
    this.among = among;
    this.yes = yes ?? this;
    this.no = no ?? this;
    this.result = result;
  }

  static end<Subject>(result: number): Decision<Subject> {
    return new Decision<Subject>(null, null, null, null, null, result);
  }

  /** A text of the subject. */
  static input<Subject>(read: (subject: Subject) => string | undefined): MatcherInput<Decision<Subject>> {
    return {
      asks: (test) => (yes, no) => {
        const ask = (subject: Subject): boolean => {
          const text = read(subject);
          return text !== undefined && test(text);
        };
        return new Decision(ask, null, null, yes, no, 0);
      },
      among: (texts, no) => new Decision(null, read, texts, null, no, 0),
    };
  }

  /** Walks to an end. */
  static decide<Subject>(start: Decision<Subject>, subject: Subject): number {
    let at = start;
    for (;;) {
      if (at.ask !== null) at = at.ask(subject) ? at.yes : at.no;
      else if (at.read !== null && at.among !== null) at = at.among.get(at.read(subject) ?? "\n") ?? at.no;
      else return at.result;
    }
  }
}
