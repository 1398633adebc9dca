"""Exports small networks of widely used families to ONNX, by both exporters of PyTorch and of several opsets, with random weights,
and records their gradients by PyTorch's autograd.

    pip install torch==2.13.0 torchvision==0.28.0 transformers==5.18.0 onnx==1.23.1 onnxscript==0.7.2 keras==3.15.1
    python make.py

Writes models.zip: `<case>.onnx` each, recorded.npz with `<model>/input/<input>`, `<model>/upstream` and `<model>/gradient`, and
cases.json. Weights are multiples of 1/64, so that they compress.
"""
import io, json, logging, os, sys, warnings, zipfile

os.environ["KERAS_BACKEND"] = "torch"
import torch

for op in ("nms", "qnms"):
    # Where torchvision was built for another device, its own operators are missing, which nothing here needs.
    try:
        torch.library.define(f"torchvision::{op}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    except RuntimeError:
        pass
import keras, numpy as np, onnx, torchvision, transformers as hf
import torch.nn as nn, torch.nn.functional as F
from torchvision.models.resnet import BasicBlock, Bottleneck

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
here = os.path.dirname(os.path.abspath(__file__))
MODELS = {}


def model(build):
    """Registers a function that returns a module, its inputs by name, and the module whose output stands for token ids."""
    MODELS[build.__name__.replace("_", "-")] = build
    return build


class Logits(nn.Module):
    """Takes one tensor from what a model of transformers returns."""

    def __init__(self, inner, pick=lambda y: y.logits, **options):
        super().__init__()
        self.inner, self.pick, self.options = inner, pick, options

    def forward(self, x, mask=None):
        return self.pick(self.inner(x, **self.options) if mask is None else self.inner(x, attention_mask=mask, **self.options))


TOKENS = lambda: {"x": torch.randint(1, 60, (2, 9))}
PADDED = lambda: {**TOKENS(), "mask": torch.tensor([[1] * 9, [1] * 7 + [0] * 2])}
IMAGES = lambda size=32: {"x": torch.rand(2, 3, size, size)}
SMALL = dict(vocab_size=60, attn_implementation="eager")
SHORT = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=40, max_position_embeddings=16)


@model
def gpt2():
    m = hf.GPT2LMHeadModel(hf.GPT2Config(n_positions=16, n_embd=24, n_layer=2, n_head=2, **SMALL))
    return Logits(m, use_cache=False), PADDED(), m.transformer.wte


@model
def gpt2_sdpa():
    m = hf.GPT2LMHeadModel(hf.GPT2Config(n_positions=16, n_embd=24, n_layer=1, n_head=2, vocab_size=60, attn_implementation="sdpa"))
    return Logits(m, use_cache=False), PADDED(), m.transformer.wte


@model
def bert():
    m = hf.BertForSequenceClassification(hf.BertConfig(**SMALL, **SHORT))
    return Logits(m), PADDED(), m.bert.embeddings.word_embeddings


@model
def llama():
    m = hf.LlamaForCausalLM(hf.LlamaConfig(**SMALL, **SHORT))
    return Logits(m, use_cache=False), PADDED(), m.model.embed_tokens


@model
def vit():
    return Logits(hf.ViTForImageClassification(hf.ViTConfig(image_size=32, patch_size=8, num_labels=10, attn_implementation="eager", **SHORT))), IMAGES()


class SmallResNet(torchvision.models.ResNet):
    """Torchvision's network with a sixteenth of the channels."""

    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        if planes == 64:
            self.inplanes = 4
        return super()._make_layer(block, planes // 16, blocks, stride, dilate)


def resnet(block, layers):
    m = SmallResNet(block, layers, num_classes=10)
    m.conv1, m.bn1, m.fc = nn.Conv2d(3, 4, 7, 2, 3, bias=False), nn.BatchNorm2d(4), nn.Linear(32 * block.expansion, 10)
    return m


@model
def resnet_basic():
    return resnet(BasicBlock, [1, 1, 1, 1]), IMAGES(48)


@model
def resnet_bottleneck():
    return resnet(Bottleneck, [1, 1, 1, 1]), IMAGES(48)


@model
def mobilenet_v2():
    m = torchvision.models.MobileNetV2(10, 0.25, [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 2, 2]], round_nearest=4)
    m.features[-1] = torchvision.ops.Conv2dNormActivation(m.features[-1][0].in_channels, 40, 1, activation_layer=nn.ReLU6)
    m.classifier[1] = nn.Linear(40, 10)
    return m, IMAGES()


class Unit(nn.Sequential):
    def __init__(self, i, o, k=1, s=1):
        super().__init__(nn.Conv2d(i, o, k, s, k // 2, bias=False), nn.BatchNorm2d(o), nn.SiLU())


class Yolo(nn.Module):
    """Two scales of a detector as YOLO has them: C2f, SPPF, an upsampling neck, boxes by distribution focal loss."""

    def __init__(self, c=8, classes=4, bins=8):
        super().__init__()
        self.stem, self.down, self.deep = Unit(3, c, 3, 2), Unit(c, 2 * c, 3, 2), Unit(2 * c, 2 * c, 3, 2)
        self.c2f, self.pooled = Unit(c, c, 3), Unit(8 * c, 2 * c)
        self.mix, self.neck, self.pool = Unit(3 * c, 2 * c), Unit(4 * c, 2 * c, 3), nn.MaxPool2d(5, 1, 2)
        self.box = nn.ModuleList([nn.Conv2d(2 * c, 4 * bins, 1) for _ in range(2)])
        self.cls = nn.ModuleList([nn.Conv2d(2 * c, classes, 1) for _ in range(2)])
        self.bins = bins
        self.register_buffer("project", torch.arange(bins, dtype=torch.float))

    def forward(self, x):
        x = self.down(self.stem(x))
        a, b = x.chunk(2, 1)
        p3 = self.mix(torch.cat([a, b, b + self.c2f(b)], 1))
        x = self.deep(p3)
        y = self.pool(x)
        z = self.pool(y)
        p4 = self.pooled(torch.cat([x, y, z, self.pool(z)], 1))
        p3 = self.neck(torch.cat([F.interpolate(p4, scale_factor=2.0, mode="nearest"), p3], 1))
        boxes, scores = [], []
        for k, (p, stride) in enumerate(((p3, 4), (p4, 8))):
            n, _, h, w = p.shape
            d = self.box[k](p).reshape(n, 4, self.bins, h * w).softmax(2)
            left, top, right, bottom = (d * self.project[:, None]).sum(2).split(1, 1)
            gy, gx = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
            gx, gy = gx.reshape(-1) + 0.5, gy.reshape(-1) + 0.5
            boxes.append(torch.cat([gx - left, gy - top, gx + right, gy + bottom], 1) * stride)
            scores.append(self.cls[k](p).flatten(2))
        return torch.cat([torch.cat(boxes, 2), torch.cat(scores, 2).sigmoid()], 1)


@model
def yolo():
    return Yolo(), IMAGES()


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.inner, self.head = kind(6, 8, num_layers=2, bidirectional=True, batch_first=True), nn.Linear(16, 5)

    def forward(self, x):
        return self.head(self.inner(x)[0][:, -1])


@model
def lstm():
    return Recurrent(nn.LSTM), {"x": torch.randn(2, 12, 6)}


@model
def gru():
    return Recurrent(nn.GRU), {"x": torch.randn(2, 12, 6)}


@model
def keras_convolutions():
    k = keras.layers
    m = keras.Sequential([
        k.Input((16, 16, 3)), k.Rescaling(1 / 255.0), k.Conv2D(8, 3, padding="same", activation="relu"), k.BatchNormalization(),
        k.MaxPooling2D(), k.SeparableConv2D(8, 3, padding="same", activation="elu"), k.LayerNormalization(), k.DepthwiseConv2D(3, strides=2),
        k.AveragePooling2D(2), k.Flatten(), k.Dropout(0.5), k.Dense(12, activation="swish"), k.Dense(10, activation="softmax")])
    return m, {"x": torch.rand(2, 16, 16, 3) * 255}


@model
def keras_recurrent():
    k = keras.layers
    m = keras.Sequential([k.Input((7, 5)), k.LSTM(6, return_sequences=True), k.GRU(6), k.Dense(4, activation="tanh")])
    return m, {"x": torch.randn(2, 7, 5)}


EXPORTS = [("torchscript", 13), ("torchscript", 17), ("dynamo", 18), ("dynamo", 20)]
recorded, files, cases = {}, {}, []


def prepare(m):
    m.eval()
    for p in [*m.parameters(), *m.buffers()]:
        if p.is_floating_point() and p.requires_grad:
            fan = max(1, p[0].numel()) if p.dim() > 1 else 4
            nn.init.normal_(p, 0.5 if p.dim() == 1 else 0, min(0.3, fan**-0.5))
            p.data = (p.data * 64).round() / 64
    for b in m.modules():
        if isinstance(b, nn.BatchNorm2d):
            b.running_mean.copy_((torch.randn_like(b.running_mean) * 16).round() / 64)
            b.running_var.copy_((torch.rand_like(b.running_var) * 64).round() / 64 + 0.5)


def record(name, m, inputs, embedding):
    """The gradient at x, or at the embeddings that token ids stand for."""
    inputs = {k: v.clone().requires_grad_(v.is_floating_point()) for k, v in inputs.items()}
    held = []
    if embedding is not None:
        hook = embedding.register_forward_hook(lambda _m, _i, y: held.append(y))
    y = m(*inputs.values())
    upstream = torch.randn_like(y)
    (gradient,) = torch.autograd.grad(y, held[0] if held else inputs["x"], upstream)
    if embedding is not None:
        hook.remove()
    for k, v in inputs.items():
        recorded[f"{name}/input/{k}"] = v.detach().numpy()
    recorded[f"{name}/upstream"], recorded[f"{name}/gradient"] = upstream.numpy(), gradient.numpy()


def export(m, inputs, exporter, opset):
    """With a free batch, which Keras's layers do not allow."""
    data = io.BytesIO()
    args, names = tuple(inputs.values()), list(inputs)
    if exporter == "torchscript":
        torch.onnx.export(m, args, data, opset_version=opset, input_names=names, output_names=["y"], dynamo=False,
                          dynamic_axes=None if isinstance(m, keras.Model) else {k: {0: "batch"} for k in [*names, "y"]})
        return onnx.load_from_string(data.getvalue())
    batch = torch.export.Dim.DYNAMIC
    program = torch.onnx.export(m, args, opset_version=opset, input_names=names, output_names=["y"], dynamo=True, verbose=False,
                                dynamic_shapes=None if isinstance(m, keras.Model) else tuple({0: batch} for _ in names))
    return program.model_proto


def embedded(graph, rows):
    """The tensor that a Gather takes from the table of word embeddings."""
    tables = {t.name for t in graph.initializer if list(t.dims) == rows}
    # Quantized or shared tables reach their Gather by other nodes.
    return next(n.output[0] for n in graph.node if n.op_type == "Gather" and n.input[0] in tables)


only = sys.argv[1:]
for name, build in MODELS.items():
    if only and name not in only:
        continue
    torch.manual_seed(len(name))
    m, inputs, *embedding = build()
    prepare(m)
    record(name, m, inputs, *(embedding or [None]))
    for exporter, opset in EXPORTS:
        case = f"{name}-{exporter}-{opset}"
        try:
            proto = export(m, inputs, exporter, opset)
        except Exception as error:
            print(f"{case}: {type(error).__name__}: {str(error).splitlines()[0][:300]}", file=sys.stderr)
            continue
        for node in proto.graph.node:
            node.doc_string = ""
            node.ClearField("metadata_props")
        for list_ in (proto.graph.value_info, proto.graph.input, proto.graph.output, proto.graph.initializer, proto.functions):
            for item in list_:
                item.ClearField("metadata_props")
        proto.graph.ClearField("metadata_props")
        proto.ClearField("metadata_props")
        wrt = embedded(proto.graph, list(embedding[0].weight.shape)) if embedding else "x"
        files[f"{case}.onnx"] = proto.SerializeToString()
        cases.append({"name": case, "model": name, "exporter": exporter, "opset": opset, "of": proto.graph.output[0].name, "wrt": wrt})
        print(case, len(files[f"{case}.onnx"]), len(proto.graph.node), {o.domain: o.version for o in proto.opset_import}, file=sys.stderr)
data = io.BytesIO()
np.savez(data, **recorded)
files["recorded.npz"] = data.getvalue()
files["cases.json"] = json.dumps(cases, indent=1).encode()
with zipfile.ZipFile(os.path.join(here, "models.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
    for name, content in files.items():
        archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 9)
print(os.path.getsize(os.path.join(here, "models.zip")), file=sys.stderr)
