/** Expressions of the Common Expression Language as the trees that Envoy's matcher takes. (google/api/expr/v1alpha1/syntax.proto) */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ExprSchema } from "@tulle/xds/gen/google/api/expr/v1alpha1/syntax_pb.js";
import type { Expr } from "@tulle/xds/gen/google/api/expr/v1alpha1/syntax_pb.js";

/** Builds one expression: its nodes are numbered. */
export class Cel {
  #id = 0n;

  call(name: string, ...args: readonly Expr[]): Expr {
    return this.#node({ case: "callExpr", value: { function: name, args: [...args] } });
  }

  /** `a.b` */
  path(name: string, field: string): Expr {
    const operand = this.#node({ case: "identExpr", value: { name } });
    return this.#node({ case: "selectExpr", value: { operand, field } });
  }

  int(value: number): Expr {
    return this.#node({ case: "constExpr", value: { constantKind: { case: "int64Value", value: BigInt(value) } } });
  }

  text(value: string): Expr {
    return this.#node({ case: "constExpr", value: { constantKind: { case: "stringValue", value } } });
  }

  /** At least one of them; of none, false. */
  any(parts: readonly Expr[]): Expr {
    const [first, ...more] = parts;
    if (first === undefined) {
      return this.#node({ case: "constExpr", value: { constantKind: { case: "boolValue", value: false } } });
    }
    return more.reduce((all, part) => this.call("_||_", all, part), first);
  }

  #node(exprKind: MessageInitShape<typeof ExprSchema>["exprKind"]): Expr {
    return create(ExprSchema, { id: ++this.#id, ...(exprKind === undefined ? {} : { exprKind }) });
  }
}
