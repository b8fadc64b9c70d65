// The request digest by docs/request-digest.md alone, on a JSON scanner of its own (JSON.parse loses digits
// and duplicate keys). Usage: node request_digest.mjs VECTORS.json; prints what fails, by name, and exits 1.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { argv, exit } from "node:process";

const DEPTH_MAX = 16;
const NUMBER_CHARS_MAX = 40;
const STRING_CHARS_MAX = 65536;
const INT_MAX = 2n ** 53n - 1n;
const SHORT = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

// Scans JSON text and returns its canonical spelling; throws on everything that has none.
class Scanner {
  constructor(text, { integerMax = INT_MAX } = {}) {
    this.text = text;
    this.at = 0;
    this.integerMax = integerMax;
  }

  object() {
    return join(this.objectMembers());
  }

  objectMembers() {
    this.space();
    if (this.text[this.at] !== "{") throw new Error("not an object");
    const members = this.members(0);
    this.space();
    if (this.at !== this.text.length) throw new Error("more after the object");
    return members;
  }

  space() {
    while (" \t\n\r".includes(this.text[this.at] ?? "x")) this.at += 1;
  }

  take(mark) {
    this.space();
    if (this.text[this.at] !== mark) return false;
    this.at += 1;
    return true;
  }

  need(mark) {
    if (!this.take(mark)) throw new Error(`expected ${mark}`);
  }

  value(depth) {
    if (depth > DEPTH_MAX) throw new Error("too deep");
    this.space();
    const first = this.text[this.at];
    if (first === "{") return join(this.members(depth));
    if (first === "[") return this.items(depth);
    if (first === '"') return quote(this.string());
    for (const word of ["true", "false", "null"]) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return word;
      }
    }
    return this.number();
  }

  members(depth) {
    const members = new Map();
    this.need("{");
    if (!this.take("}")) {
      do {
        this.space();
        const key = this.string();
        this.need(":");
        if (members.has(key)) throw new Error("duplicate key");
        members.set(key, this.value(depth + 1));
      } while (this.take(","));
      this.need("}");
    }
    return members;
  }

  items(depth) {
    const items = [];
    this.need("[");
    if (!this.take("]")) {
      do items.push(this.value(depth + 1));
      while (this.take(","));
      this.need("]");
    }
    return "[" + items.join(",") + "]";
  }

  string() {
    if (this.text[this.at] !== '"') throw new Error("expected a string");
    this.at += 1;
    let read = "";
    for (;;) {
      const unit = this.text[this.at];
      if (unit === undefined || unit < " ") throw new Error("bad string");
      this.at += 1;
      if (unit === '"') break;
      read += unit === "\\" ? this.escape() : unit;
    }
    if (!read.isWellFormed()) throw new Error("lone surrogate");
    if (read.normalize("NFC") !== read) throw new Error("not NFC");
    if ([...read].length > STRING_CHARS_MAX) throw new Error("long string");
    return read;
  }

  escape() {
    const letter = this.text[this.at];
    this.at += 1;
    if (letter in SHORT) return SHORT[letter];
    const hex = this.text.slice(this.at, this.at + 4);
    if (letter !== "u" || !/^[0-9A-Fa-f]{4}$/.test(hex)) throw new Error("bad escape");
    this.at += 4;
    return String.fromCharCode(parseInt(hex, 16));
  }

  number() {
    const found = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?/y;
    found.lastIndex = this.at;
    const digits = found.exec(this.text)?.[0];
    if (digits === undefined) throw new Error("bad value");
    this.at += digits.length;
    if (/[0-9eE.+_]/.test(this.text[this.at] ?? " ")) throw new Error("bad number");
    if (digits.length > NUMBER_CHARS_MAX) throw new Error("long number");
    let short = digits;
    if (digits.includes(".")) {
      short = digits.replace(/0+$/, "").replace(/\.$/, "");
    } else if (BigInt(digits) > this.integerMax || BigInt(digits) < -this.integerMax) {
      throw new Error("integer past 2^53-1");
    }
    return short === "-0" ? "0" : short;
  }
}

function join(members) {
  const order = [...members.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return "{" + order.map((key) => quote(key) + ":" + members.get(key)).join(",") + "}";
}

// The context fields that are part of the digest; what is absent or null is left out.
function boundContext(text, binding) {
  const members = new Scanner(text, { integerMax: 10n ** 40n }).objectMembers();
  const bound = binding.filter((name) => (members.get(name) ?? "null") !== "null");
  return join(new Map(bound.map((name) => [name, members.get(name)])));
}

function quote(text) {
  return JSON.stringify(text);
}

function frame(field) {
  const bytes = Buffer.isBuffer(field) ? field : Buffer.from(field, "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function digest(request) {
  const fields = ["pdp.request-digest.v1", String(request.chain.length)];
  for (const [type, id] of request.chain) fields.push(type, id);
  fields.push(...(request.resource === null ? ["0"] : ["1", ...request.resource]));
  fields.push(request.action, new Scanner(request.args).object());
  fields.push(boundContext(request.context ?? "{}", request.binding ?? []));
  const tool = request.tool;
  fields.push(...(tool === null ? ["0"] : ["1", tool.server, tool.name, tool.definition_digest]));
  fields.push(Buffer.from(request.salt, "hex"));
  return createHash("sha256").update(Buffer.concat(fields.map(frame))).digest("hex");
}

function complaints(file) {
  const found = [];
  for (const vector of file.vectors) {
    try {
      const written = new Scanner(vector.args).object();
      if (written !== vector.canonical_args) found.push(`${vector.name}: canonical form`);
      const bound = boundContext(vector.context ?? "{}", vector.binding ?? []);
      if (bound !== (vector.bound_context ?? "{}")) found.push(`${vector.name}: context`);
      if (digest(vector) !== vector.digest) found.push(`${vector.name}: digest`);
    } catch (error) {
      found.push(`${vector.name}: ${error.message}`);
    }
  }
  for (const { name, args } of file.refused) {
    try {
      new Scanner(args).object();
      found.push(`${name}: not refused`);
    } catch {
      continue;
    }
  }
  for (const { name, context } of file.refused_context) {
    try {
      boundContext(context, ["x"]);
      found.push(`${name}: not refused`);
    } catch {
      continue;
    }
  }
  return found;
}

const vectors = JSON.parse(readFileSync(argv[2], "utf8"));
const found = complaints(vectors);
for (const line of found) console.log(line);
const refusals = vectors.refused.length + vectors.refused_context.length;
console.log(`${vectors.vectors.length} vectors, ${refusals} refusals`);
exit(found.length === 0 ? 0 : 1);
