export default {
  test: {
    include: ['**/*.vitest.mjs'],
    setupFiles: ['neurofuzz/vitest'],
    testTimeout: 120_000,
  },
};
