import type { ModelLoader } from './model.ts';
export const savedModelLoader: ModelLoader = {
  family: 'saved-model',
  async load() {
    throw new Error('not yet');
  },
};
