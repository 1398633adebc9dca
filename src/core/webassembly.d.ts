export {};

declare global {
  /** Types of the WebAssembly API that neurofuzz uses: TypeScript declares them in its DOM library only. */
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
