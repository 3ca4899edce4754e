import { basename, dirname } from "node:path";
import type { Entry, Files } from "../../src/bundle/port.ts";

/**
 * A file system that loses what was not synced when the power is cut. Names in a folder reach the disk in the
 * order in which they were changed, up to any point; bytes of a file that was not synced can be none or half.
 */

type FileNode = { readonly kind: "file"; bytes: Buffer; synced: Buffer | undefined };
type LinkNode = { readonly kind: "link"; readonly target: string; readonly made: number };
type FolderNode = {
  readonly kind: "folder";
  entries: Map<string, Node>;
  durable: Map<string, Node>;
  /** Changes of names that are not synced, oldest first. */
  pending: ((entries: Map<string, Node>) => void)[];
};
type Node = FileNode | LinkNode | FolderNode;

export class PowerCut extends Error {}

const folder = (): FolderNode => ({ kind: "folder", entries: new Map(), durable: new Map(), pending: [] });
const failed = (code: string, path: string): Error => Object.assign(new Error(`${code}: ${path}`), { code });

/** `random`: chooses what survives; 0 to 1. */
export class SimulatedFiles implements Files {
  #root: FolderNode = folder();
  #cutAfter = Infinity;
  #done = 0;

  /** The number of operations so far that change something. */
  get operations(): number {
    return this.#done;
  }

  /** The power is cut after so many more operations. */
  cutAfter(operations: number): void {
    this.#cutAfter = this.#done + operations;
  }

  /** The machine starts again with what is on the disk. */
  powerOn(random: () => number): void {
    this.#cutAfter = Infinity;
    const survive = (node: Node): Node => {
      if (node.kind === "link") return node;
      if (node.kind === "file") {
        const half = node.bytes.subarray(0, Math.floor(node.bytes.length * random()));
        const bytes = node.synced ?? half;
        return { kind: "file", bytes, synced: bytes };
      }
      const entries = new Map(node.durable);
      for (const change of node.pending.slice(0, Math.floor((node.pending.length + 1) * random())))
        change(entries);
      const kept = new Map([...entries].map(([name, child]) => [name, survive(child)]));
      return { kind: "folder", entries: kept, durable: new Map(kept), pending: [] };
    };
    const root = survive(this.#root);
    if (root.kind === "folder") this.#root = root;
  }

  #at(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of path.split("/").filter(Boolean)) {
      if (node?.kind === "link") throw new Error(`${path}: a link on the way`);
      node = node?.kind === "folder" ? node.entries.get(name) : undefined;
    }
    return node;
  }

  #folderOf(path: string): FolderNode {
    const found = this.#at(dirname(path));
    if (found?.kind !== "folder") throw failed("ENOENT", path);
    return found;
  }

  #step(): void {
    if (this.#done >= this.#cutAfter) throw new PowerCut();
    this.#done++;
  }

  #change(parent: FolderNode, change: (entries: Map<string, Node>) => void): void {
    change(parent.entries);
    parent.pending.push(change);
  }

  #add(path: string, node: Node): void {
    const parent = this.#folderOf(path);
    if (parent.entries.has(basename(path))) throw failed("EEXIST", path);
    this.#change(parent, (entries) => entries.set(basename(path), node));
  }

  // The operations are synchronous inside: nothing happens between their steps.
  async read(path: string): Promise<Buffer | undefined> {
    const node = this.#at(path);
    return node?.kind === "file" ? node.bytes : undefined;
  }

  async size(path: string): Promise<number | undefined> {
    return (await this.read(path))?.length;
  }

  async list(path: string): Promise<readonly Entry[]> {
    const node = this.#at(path);
    return node?.kind === "folder" ? [...node.entries].map(([name, { kind }]) => ({ name, kind })) : [];
  }

  async linkAt(path: string): Promise<string | undefined> {
    const node = this.#at(path);
    return node?.kind === "link" ? node.target : undefined;
  }

  async makingOf(path: string): Promise<string | undefined> {
    const node = this.#at(path);
    return node?.kind === "link" ? `${node.made}` : undefined;
  }

  async makeFolder(path: string): Promise<void> {
    this.#step();
    if (this.#at(path)?.kind !== "folder") this.#add(path, folder());
  }

  async write(path: string, bytes: Buffer): Promise<void> {
    this.#step();
    this.#add(path, { kind: "file", bytes, synced: undefined });
  }

  async makeLink(target: string, path: string): Promise<void> {
    this.#step();
    this.#add(path, { kind: "link", target, made: this.#done });
  }

  async sync(path: string): Promise<void> {
    this.#step();
    const node = this.#at(path);
    if (!node) throw failed("ENOENT", path);
    if (node.kind === "file") node.synced = node.bytes;
    if (node.kind !== "folder") return;
    node.durable = new Map(node.entries);
    node.pending = [];
  }

  async rename(from: string, to: string): Promise<void> {
    this.#step();
    const [node, parent] = [this.#at(from), this.#folderOf(from)];
    if (!node) throw failed("ENOENT", from);
    if (dirname(from) !== dirname(to)) throw new Error(`${from} to ${to}: only within a folder`);
    const replaced = parent.entries.get(basename(to));
    if (replaced?.kind === "folder" && replaced.entries.size > 0) throw failed("ENOTEMPTY", to);
    this.#change(parent, (entries) => {
      entries.delete(basename(from));
      entries.set(basename(to), node);
    });
  }

  async remove(path: string): Promise<void> {
    this.#step();
    const node = this.#at(path);
    if (!node) return;
    if (node.kind === "folder" && node.entries.size > 0) throw failed("ENOTEMPTY", path);
    this.#change(this.#folderOf(path), (entries) => entries.delete(basename(path)));
  }
}
