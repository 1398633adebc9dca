import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { findNumericalSites } from '../../../src/analysis/numerical-sites/find-sites.ts';
import type { NumericalSite } from '../../../src/analysis/numerical-sites/site.ts';
import { SITE_KINDS } from '../../../src/analysis/numerical-sites/site-kinds.ts';
import { OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import { readOnnx } from '../../../src/model/formats/onnx/graph.ts';
import { countHiddenBodies } from '../../../src/model/graph/graph.ts';
import type { DType } from '../../../src/tensor/tensor.ts';
import { countdownLoop, integer, recurrentScan } from '../../support/control-flow.ts';

/** Sites of a graph whose input x is `[batch, 4]`. */
function sites(
  write: (graph: OnnxBuilder, number: (value: number) => string) => void,
  type: DType = 'float32',
): NumericalSite[] {
  const graph = new OnnxBuilder();
  graph.input('x', type, ['batch', 4]);
  let constants = 0;
  const number = (value: number): string =>
    graph.constant(`c${constants++}`, 'float32', [], Float32Array.of(value));
  write(graph, number);
  graph.output('y', type === 'float16' ? type : 'float32', ['batch', 4]);
  return findNumericalSites(readOnnx(graph.finish('sites'), 'sites.onnx'));
}

const one = (...parameters: Parameters<typeof sites>): NumericalSite => {
  const found = sites(...parameters);
  expect(found.length).toBe(1);
  return found[0];
};

test('each site says what it is, what it reads and when it goes wrong', () => {
  expect(one((graph) => graph.node('Log', ['x'], 'y'))).toMatchObject({
    name: 'y',
    op: 'Log',
    kind: 'log',
    tensors: ['x'],
    region: 'x ≤ 0',
  });
  expect(one((graph) => graph.node('Exp', ['x'], 'y')).region).toBe('x ≥ 88.7228');
  expect(one((graph) => graph.node('Asin', ['x'], 'y')).region).toBe('x > 1 or x < -1');
  expect(one((graph, number) => graph.node('Pow', ['x', number(-2)], 'y')).region).toBe('x = 0');
  expect(one((graph, number) => graph.node('Pow', ['x', number(0.5)], 'y')).region).toBe('x < 0');
});

test('what cannot go wrong is no site: constant divisors, sound epsilons, whole powers of one', () => {
  expect(sites((graph, number) => graph.node('Div', ['x', number(3)], 'y'))).toEqual([]);
  expect(sites((graph, number) => graph.node('Pow', ['x', number(1)], 'y'))).toEqual([]);
  const norm = (epsilon: number) => (graph: OnnxBuilder) => {
    const scale = graph.constant('scale', 'float32', [4], Float32Array.of(1, 1, 1, 1));
    graph.node('LayerNormalization', ['x', scale], 'y', { epsilon: { float: epsilon } });
  };
  expect(sites(norm(1e-5))).toEqual([]);
  expect(one(norm(0)).region).toBe('variance of x = 0');
});

describe('in half precision', () => {
  const half = (write: Parameters<typeof sites>[0]) =>
    sites(write, 'float16').map(({ kind, region }) => [kind, region]);

  test('a mean, a norm and a normalisation are judged by what they add up', () => {
    const scale = (graph: OnnxBuilder) =>
      graph.constant('scale', 'float16', [4], new Uint16Array(4).fill(0x3c00));
    expect(half((graph) => graph.node('ReduceMean', ['x'], 'y', { axes: [1], keepdims: 1 }))).toEqual([
      ['half-sum', '|Σ x| ≥ 65504'],
    ]);
    expect(half((graph) => graph.node('GlobalAveragePool', ['x'], 'y'))).toEqual([
      ['half-sum', '|Σ x| ≥ 65504'],
    ]);
    expect(half((graph) => graph.node('ReduceL2', ['x'], 'y', { axes: [1] }))).toEqual([
      ['sum-of-squares', '|Σ x²| ≥ 65504'],
    ]);
    expect(half((graph) => graph.node('LayerNormalization', ['x', scale(graph)], 'y'))).toEqual([
      ['half-sum', '|Σ x| ≥ 65504 or |Σ (x − mean)²| ≥ 65504'],
    ]);
  });

  test('a product is judged by its result; a softmax is safe that is short', () => {
    expect(half((graph) => graph.node('Mul', ['x', 'x'], 'y'))).toEqual([
      ['half-sum', 'y > 65504 or y < -65504'],
    ]);
    expect(half((graph) => graph.node('Softmax', ['x'], 'y'))).toEqual([]);
  });

  test('none of that holds in single precision', () =>
    expect(sites((graph) => graph.node('ReduceMean', ['x'], 'y', { axes: [1] }))).toEqual([]));
});

test('operations of com.microsoft that divide or multiply what is computed are sites', () => {
  expect(one((graph) => graph.node('MultiHeadAttention', ['x'], 'y')).kind).toBe('attention');
  const skip = (epsilon: number) => (graph: OnnxBuilder) =>
    graph.node('SkipLayerNormalization', ['x', 'x', 'x'], 'y', { epsilon: { float: epsilon } });
  expect(sites(skip(1e-5))).toEqual([]);
  expect(one(skip(0))).toMatchObject({
    kind: 'normalisation',
    region: 'y > 3.40282e+38 or y < -3.40282e+38',
  });
});

test('a site names the inner tensors that it computes, by which it is judged', () => {
  const [log, exp] = sites((graph) => {
    graph.node('Exp', [graph.node('Log', ['x'], 'inner')], 'y');
  });
  expect([log.results, exp.results]).toEqual([['inner'], []]);
});

describe('a kind is told by what an operation stands in', () => {
  test('the logarithm of a softmax, be it one operation or written out', () => {
    const whole = one((graph) => {
      graph.node('Log', [graph.node('Softmax', ['x'], 'p', { axis: -1 })], 'y');
    });
    const written = sites((graph) => {
      const exp = graph.node('Exp', ['x'], 'exp');
      const axes = graph.constant('axes', 'int64', [1], BigInt64Array.of(-1n));
      graph.node('Log', [graph.node('Div', [exp, graph.node('ReduceSum', [exp, axes], 'sum')], 'p')], 'y');
    });
    for (const site of [whole, written[2]]) {
      expect(site.kind).toBe('log-softmax');
      expect(site.targets[0].proxy).toMatchObject({ tensor: 'x', hazard: { kind: 'gap', axis: -1 } });
    }
    expect(written.map(({ kind }) => kind)).toEqual(['exp', 'div', 'log-softmax']);
  });

  test('a softplus written out, a difference of moments, a norm, a division of whole numbers', () => {
    expect(
      sites((graph, number) => {
        graph.node('Log', [graph.node('Add', [graph.node('Exp', ['x'], 'e'), number(1)], 'a')], 'y');
      })[0].kind,
    ).toBe('softplus');
    expect(
      one((graph) => {
        const mean = graph.node('ReduceMean', ['x'], 'mean', { axes: [1] });
        const squares = graph.node('ReduceMean', [graph.node('Mul', ['x', 'x'], 'x2')], 'm2', { axes: [1] });
        const square = graph.node('Mul', [mean, mean], 'mm');
        graph.node('Sqrt', [graph.node('Sub', [squares, square], 'variance')], 'y');
      }),
    ).toMatchObject({ kind: 'variance', region: 'variance < 0' });
    expect(
      sites((graph) => {
        graph.node('Div', ['x', graph.node('ReduceL2', ['x'], 'norm', { axes: [1] })], 'y');
      }).at(-1)?.kind,
    ).toBe('l2-norm');
    expect(
      one((graph) => {
        const whole = graph.node('Cast', ['x'], 'whole', { to: 6 });
        const hundred = graph.constant('hundred', 'int32', [], Int32Array.of(100));
        graph.node('Cast', [graph.node('Div', [hundred, whole], 'share')], 'y', { to: 1 });
      }, 'int64'),
    ).toMatchObject({ name: 'share', kind: 'integer-division', region: 'whole = 0' });
  });

  test('a mask of infinities, and the comparison that masks', () => {
    const masked = (mask: number) =>
      sites((graph, number) => {
        const open = graph.node('Greater', ['x', number(2)], 'open');
        graph.node('Softmax', [graph.node('Where', [open, 'x', number(mask)], 'masked')], 'y', { axis: -1 });
      });
    expect(masked(-1e9)).toEqual([]);
    // x itself is no tensor that a node makes, but it can be watched all the same.
    expect(masked(Number.NEGATIVE_INFINITY)[0].targets[0].proxy).toMatchObject({
      tensor: 'x',
      hazard: { kind: 'below', bound: 2 },
    });
  });

  test('halves overflow sooner', () => {
    const found = sites((graph) => {
      const half = graph.node('Cast', ['x'], 'half', { to: 10 });
      graph.node('Cast', [graph.node('Add', [half, half], 'sum')], 'y', { to: 1 });
    });
    expect(found.map(({ region }) => region)).toEqual([
      'x ≥ 65520 or x ≤ -65520',
      'sum > 65504 or sum < -65504',
    ]);
  });
});

describe('operations that saturate are looked through', () => {
  const guideOf = (site: NumericalSite) => site.targets[0].proxy;

  test('a sigmoid, at either end', () => {
    expect(
      guideOf(
        one((graph, number) => {
          const z = graph.node('Mul', ['x', number(2)], 'z');
          graph.node('Log', [graph.node('Sigmoid', [z], 'p')], 'y');
        }),
      ),
    ).toMatchObject({ tensor: 'z', hazard: { kind: 'below', bound: -104 } });
    expect(
      guideOf(
        one((graph, number) => {
          const z = graph.node('Mul', ['x', number(2)], 'z');
          graph.node('Log', [graph.node('Sub', [number(1), graph.node('Sigmoid', [z], 'p')], 'q')], 'y');
        }),
      ),
    ).toMatchObject({ tensor: 'z', hazard: { kind: 'above', bound: 17 } });
  });

  test('a Relu with a shift and a factor behind it', () => {
    const site = one((graph, number) => {
      const z = graph.node('Neg', ['x'], 'z');
      const relu = graph.node('Relu', [z], 'relu');
      graph.node(
        'Log',
        [graph.node('Mul', [graph.node('Sub', [number(3), relu], 'left'), number(2)], 'twice')],
        'y',
      );
    });
    expect(guideOf(site)).toMatchObject({ tensor: 'z', hazard: { kind: 'above', bound: 3 } });
  });

  test('what lies out of the reach of a clip has no way on', () => {
    const site = one((graph, number) => {
      const z = graph.node('Neg', ['x'], 'z');
      graph.node('Log', [graph.node('Clip', [z, number(1), number(2)], 'kept')], 'y');
    });
    expect(guideOf(site)).toBeUndefined();
  });
});

test('docs/numerical-errors.md tells of every kind as the table in the code does', () => {
  const page = readFileSync('docs/numerical-errors.md', 'utf8');
  for (const { name, ops, unsafe, source } of SITE_KINDS)
    expect(page).toContain(`| \`${name}\` | ${ops.join(', ')} | ${unsafe} | ${source} |`);
});

describe('operations of bodies', () => {
  test('are sites, which name the body', () => {
    const inLoop = findNumericalSites(readOnnx(countdownLoop(3, 2).finish('loop'), 'loop.onnx'));
    expect(inLoop).toEqual([
      {
        name: 'quotient',
        op: 'Div',
        kind: 'div',
        tensors: ['state', 'left'],
        results: [],
        region: 'left = 0',
        body: 'loop looped',
        targets: [{ tensor: 'left', hazard: { kind: 'at', bound: 0, unit: 2 ** -149 }, isInBody: true }],
      },
    ]);
    const inScan = findNumericalSites(readOnnx(recurrentScan().finish('scan'), 'scan.onnx'));
    expect(inScan.map(({ name, body }) => [name, body])).toEqual([['after', 'scan y']]);
  });

  test('have types from what the body is given, and axes behind those of the iterations', () => {
    const graph = new OnnxBuilder();
    graph.input('x', 'float16', ['batch', 3]);
    const body = new OnnxBuilder();
    body.input('i', 'int64', []);
    body.input('go', 'bool', []);
    body.input('state', 'float16', ['batch', 3]);
    body.node('Identity', ['go'], 'go_on');
    const infinity = body.constant('infinity', 'float16', [3], Uint16Array.of(0, 0, 0xfc00));
    body.node(
      'Softmax',
      [body.node('Add', [body.node('Exp', ['state'], 'exp'), infinity], 'masked')],
      'next',
      {
        axis: 1,
      },
    );
    body.output('go_on', 'bool', []);
    body.output('next', 'float16', ['batch', 3]);
    const always = graph.constant('always', 'bool', [], Uint8Array.of(1));
    graph.node('Loop', [integer(graph, 'trips', 2), always, 'x'], 'y', { body });
    graph.output('y', 'float16', ['batch', 3]);
    const found = findNumericalSites(readOnnx(graph.finish('axes'), 'axes.onnx'));
    expect(found.map(({ name, targets }) => [name, targets[0].hazard])).toEqual([
      ['exp', expect.objectContaining({ kind: 'above', bound: Math.log(65504) })],
      ['masked', expect.objectContaining({ kind: 'above', bound: 65504 })],
      ['next', { kind: 'masked', axis: 2 }],
    ]);
  });

  test('are not seen where the operators are too old for it, and then their bodies are counted', () => {
    const { graph } = readOnnx(countdownLoop(3, 2).finish('old', 10), 'old.onnx');
    expect(countHiddenBodies(graph)).toBe(1);
    expect(graph.flattened).toBeUndefined();
    expect(countHiddenBodies(readOnnx(countdownLoop(3, 2).finish('new', 11), 'new.onnx').graph)).toBe(0);
  });
});

describe('a site whose operand follows from sizes', () => {
  const quotient = (write: (graph: OnnxBuilder) => string) =>
    one((graph) => {
      graph.node('Div', ['x', write(graph)], 'y');
    });
  const countOf = (graph: OnnxBuilder): string => {
    graph.node('Shape', ['x'], 'shape');
    return graph.node('Cast', ['shape'], 'count', { to: 1 });
  };

  test('names the inputs whose sizes those are', () => {
    expect(quotient(countOf).sizesOf).toEqual(['x']);
  });

  test('is one of values where it depends on both, or on a constant', () => {
    const both = (graph: OnnxBuilder): string => graph.node('Add', [countOf(graph), 'x'], 'both');
    expect(quotient(both).sizesOf).toBeUndefined();
    expect(one((graph) => graph.node('Log', ['x'], 'y')).sizesOf).toBeUndefined();
  });
});
