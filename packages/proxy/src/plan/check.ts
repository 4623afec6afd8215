/**
 * Walks a configuration message by reflection and reports, with its path, everything that Envoy's own constraints forbid or
 * that the proxy does not have (supported-fields.ts). One descent, compiled once for each message type.
 */
import { type DescField, type DescMessage, type DescOneof, type Message, isFieldSet } from "@bufbuild/protobuf";
import { type Any, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import type { Place } from "./problems.ts";
import { type Extension, isNameOnly, unpackExtension } from "./schemas.ts";
import { type MessageSupport, SUPPORTED_FIELDS } from "./supported-fields/index.ts";
import { type FieldValidation, type Rule, fieldValidation, oneofRequired } from "./validation-rules.ts";

/** Reports what is wrong with `message` and everything in it to `place`. */
export function checkMessage(schema: DescMessage, message: Message, place: Place): void {
  messageCheck(schema).run(message, place);
}

const compiled = new Map<string, MessageCheck>();

function messageCheck(schema: DescMessage): MessageCheck {
  let check = compiled.get(schema.typeName);
  if (check === undefined) compiled.set(schema.typeName, (check = new MessageCheck(schema)));
  return check;
}

/** Protobuf-es messages seen as what they are: plain objects keyed by the fields' local names. */
type Fields = Readonly<Record<string, unknown>>;

class MessageCheck {
  private readonly fields: readonly FieldCheck[];
  private readonly requiredOneofs: readonly DescOneof[];

  constructor(schema: DescMessage) {
    const support = SUPPORTED_FIELDS.get(schema.typeName);
    this.fields = schema.fields
      .filter((field) => support?.ignored?.[field.name] === undefined)
      .map((field) => new FieldCheck(field, support));
    this.requiredOneofs = schema.oneofs.filter(oneofRequired);
  }

  run(message: Message, place: Place): void {
    const values = message as Message & Fields;
    for (const field of this.fields) field.run(values, place);
    for (const oneof of this.requiredOneofs) {
      if ((values[oneof.localName] as { case?: string }).case === undefined) {
        place.refuse(`one of ${oneof.fields.map((field) => field.name).join(", ")} is required`);
      }
    }
    for (const unknown of message.$unknown ?? []) {
      place.refuse(`field number ${unknown.no} is not known to this version`);
    }
  }
}

class FieldCheck {
  private readonly field: DescField;
  private readonly name: string;
  private readonly local: string;
  private readonly oneof: string | null;
  private readonly wrapper: boolean;
  private readonly supported: boolean;
  private readonly only: readonly (string | number | boolean)[] | null;
  private readonly extensions: readonly string[] | null;
  private readonly optional: boolean;
  private readonly without: readonly string[];
  private readonly validation: FieldValidation;
  /** Message type to descend into; null for scalars, well-known types and what is not supported. */
  private readonly child: DescMessage | null;

  constructor(field: DescField, support: MessageSupport | undefined) {
    this.field = field;
    this.name = field.name;
    this.local = field.localName;
    this.oneof = field.oneof?.localName ?? null;
    this.wrapper = this.oneof !== null && field.message !== undefined && isWrapperDesc(field.message);
    this.only = support?.only?.[field.name] ?? null;
    this.supported = this.only !== null || (support?.has.includes(field.name) ?? false);
    this.extensions = support?.extensions?.[field.name] ?? null;
    this.optional = support?.optional?.includes(field.name) ?? false;
    this.without = support?.without?.[field.name] ?? [];
    this.validation = fieldValidation(field);
    const message = field.message;
    this.child =
      this.supported && this.only === null && message !== undefined && !message.typeName.startsWith("google.protobuf.")
        ? message
        : null;
  }

  run(message: Fields, place: Place): void {
    const value = this.read(message);
    const { fieldKind } = this.field;
    if (fieldKind === "list") this.runList(value as readonly unknown[], place);
    else if (fieldKind === "map") this.runMap(value as Fields, place);
    else if (value !== undefined) this.runSingle(value, message, place);
    else if (this.supported && this.oneof === null && this.validation.required)
      place.field(this.name).refuse("value is required");
    else if (this.extensions !== null && !this.optional)
      refuseExtension((message["name"] ?? this.name) as string, "", message, place);
  }

  /** The value, default included where the protocol cannot tell it from absence; undefined if certainly not set. */
  private read(message: Fields): unknown {
    if (this.oneof === null) return message[this.local];
    const { case: name, value } = message[this.oneof] as { case?: string; value?: unknown };
    if (name !== this.local) return undefined;
    // A wrapper is a plain value as a field of its own, and a message in a oneof.
    return this.wrapper ? (value as { value: unknown }).value : value;
  }

  private runSingle(value: unknown, message: Fields, place: Place): void {
    if (!this.supported) {
      if (this.oneof !== null || !isImplicitDefault(value, this.field))
        place.field(this.name).refuse("is not supported");
      return;
    }
    if (this.only !== null) {
      const text = describe(value, this.field);
      if (!this.only.includes(text) && (this.oneof !== null || !isImplicitDefault(value, this.field))) {
        const allowed = this.only.map((each) => (each === "" ? '""' : String(each))).join(", ");
        place.field(this.name).refuse(`${String(text)} is not supported (only ${allowed})`);
      }
      return;
    }
    this.apply(this.validation.whole, value, place.field.bind(place, this.name));
    if (this.extensions !== null) this.runPacked(value as Message & Fields, message, place, this.name);
    else if (this.child !== null) {
      messageCheck(this.child).run(value as Message, place.field(this.name));
      for (const part of this.without) this.refusePart(this.child, value as Message, part, place);
    }
  }

  private refusePart(child: DescMessage, value: Message, part: string, place: Place): void {
    const field = child.fields.find(({ name }) => name === part);
    if (field !== undefined && isFieldSet(value, field))
      place.field(this.name).field(part).refuse("is not supported here");
  }

  /** An Any, or a TypedExtensionConfig, which is an Any with a name. */
  private runPacked(value: Message & Fields, owner: Fields, place: Place, at: string): void {
    if (this.field.message?.typeName !== "envoy.config.core.v3.TypedExtensionConfig") {
      this.runExtension(value as unknown as Any, String(owner["name"]), owner, place, at);
      return;
    }
    const name = String(value["name"]);
    const any = value["typedConfig"] as Any | undefined;
    if (any === undefined) refuseExtension(name, "", owner, place.field(at));
    else this.runExtension(any, name, owner, place.field(at), "typed_config");
  }

  private runList(list: readonly unknown[], place: Place): void {
    if (!this.supported || this.only !== null) {
      if (list.length > 0) place.field(this.name).refuse("is not supported");
      return;
    }
    this.apply(this.validation.whole, list, place.field.bind(place, this.name));
    const { item } = this.validation;
    for (let i = 0; i < list.length; i++) {
      this.apply(item, list[i], () => place.item(this.name, i));
      if (this.extensions !== null) this.runPacked(list[i] as Message & Fields, {}, place, `${this.name}[${i}]`);
      else if (this.child !== null) messageCheck(this.child).run(list[i] as Message, place.item(this.name, i));
    }
  }

  private runMap(map: Fields, place: Place): void {
    const entries = Object.entries(map);
    if (!this.supported || this.only !== null) {
      if (entries.length > 0) place.field(this.name).refuse("is not supported");
      return;
    }
    this.apply(this.validation.whole, map, place.field.bind(place, this.name));
    for (const [key, value] of entries) {
      const at = `${this.name}["${key}"]`;
      this.apply(this.validation.item, key, () => place.field(at));
      this.apply(this.validation.mapValue, value, () => place.field(at));
      if (this.extensions !== null) this.runExtension(value as Any, key, {}, place, at);
      else if (this.child !== null) messageCheck(this.child).run(value as Message, place.field(at));
    }
  }

  private runExtension(any: Any, name: string, owner: Fields, place: Place, at: string): void {
    if (any.typeUrl === "" && this.optional) return;
    let extension: Extension;
    try {
      extension = unpackExtension(any);
    } catch (error) {
      place
        .packed(at, any.typeUrl)
        .refuse(`cannot be decoded: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    if (!this.extensions!.includes(extension.typeName)) {
      refuseExtension(name, extension.typeUrl, owner, place);
      return;
    }
    if (extension.schema !== null && extension.message !== null) {
      messageCheck(extension.schema).run(extension.message, place.packed(at, extension.typeUrl));
    } else if (!isNameOnly(extension.typeName)) {
      place.packed(at, extension.typeUrl).refuse("has no descriptor");
    }
  }

  private apply(rule: Rule | null, value: unknown, at: () => Place): void {
    const problem = rule?.(value) ?? null;
    if (problem !== null) at().refuse(problem);
  }
}

/** Refuses what we have no implementation of, unless its owner says that who lacks it may leave it out (`HttpFilter.is_optional`). */
function refuseExtension(name: string, typeUrl: string, owner: Fields, place: Place): void {
  if (owner["isOptional"] === true) return;
  place.refuse(`${name} (${typeUrl === "" ? "no typed_config" : typeUrl}) is not supported`);
}

/** True for 0, "", false, [] bytes and the first enum value where the field has no presence: they cannot be told from "not set". */
function isImplicitDefault(value: unknown, field: DescField): boolean {
  if (field.fieldKind === "message") return false;
  if (value instanceof Uint8Array) return value.length === 0;
  return !value;
}

function describe(value: unknown, field: DescField): string | number | boolean {
  if (field.fieldKind === "enum") return field.enum.value[value as number]?.name ?? String(value);
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "bigint") return Number(value);
  const set = Object.entries(value as Fields).some(([key, each]) => key !== "$typeName" && !isEmpty(each));
  return set ? "a non-empty value" : "empty";
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === "" || value === 0 || value === 0n || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value !== "object" || value === null) return false;
  if ("case" in value) return value.case === undefined;
  return Object.keys(value).length === 0;
}
