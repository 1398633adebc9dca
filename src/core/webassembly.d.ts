export {};

declare global {
  /** The part of WebAssembly that neurofuzz uses; TypeScript has its types in the browser's library alone. */
  namespace WebAssembly {
    class Module {
      constructor(bytes: Uint8Array);
    }
    class Memory {
      readonly buffer: ArrayBuffer;
      constructor(limits: { readonly initial: number; readonly maximum: number });
      grow(pages: number): number;
    }
    class Instance {
      readonly exports: unknown;
      constructor(module: Module, imports?: Readonly<Record<string, Readonly<Record<string, Memory>>>>);
    }
  }
}
