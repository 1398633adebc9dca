import type { CodecModel } from '../../latent/latent-codec.ts';
import type { NamedTensor } from '../../model/run-result.ts';
import { shapeSignatureOf, type TestcaseBatch } from '../../model/testcase-batch.ts';
import { copyInto, makeData, rowsOf, sizeOf, type Tensor } from '../../tensor/tensor.ts';
import type { ModelSession } from '../../workers/model-session.ts';

/** The model of a session, which runs in a process of its own, as a codec runs models. Its batch is the first dimension. */
export function sessionModel(session: Pick<ModelSession, 'info' | 'run'>): CodecModel {
  const { path, inputs } = session.info;
  return {
    path,
    inputs,
    run: async (feeds) => {
      const results = await session.run(rowsAsTestcases(session, feeds), []);
      const [{ outputs }] = results;
      return {
        outputs: outputs.map((first, i): NamedTensor => {
          const rows = results.reduce((sum, result) => sum + result.rows, 0);
          const data = makeData(first.type, rows * first.size);
          let offset = 0;
          for (const result of results) {
            copyInto(data, result.outputs[i].data, offset);
            offset += result.rows * first.size;
          }
          return { name: first.name, type: first.type, shape: [rows, ...first.shape], data };
        }),
        activations: [],
      };
    },
  };
}

function rowsAsTestcases({ info }: Pick<ModelSession, 'info'>, feeds: readonly Tensor[]): TestcaseBatch[] {
  const [
    {
      shape: [rows],
    },
  ] = feeds;
  const sizes = feeds.map(({ shape }) => sizeOf(shape.slice(1)));
  const form = shapeSignatureOf(
    feeds.map(({ type, shape }, i) => ({
      name: info.inputs[i].name,
      type,
      shape: shape.slice(1),
      size: sizes[i],
    })),
  );
  return Array.from({ length: rows }, (_, row) => ({
    form,
    inputs: feeds.map(({ data }, i) => rowsOf(data, sizes[i], row, row + 1).slice()),
  })) as TestcaseBatch[];
}
