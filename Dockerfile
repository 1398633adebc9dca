# An image of this repository. Models, seeds and campaigns are in the folder that is mounted as /work:
#   docker build -t neurofuzz .
#   docker run --rm -it -v "$PWD:/work" neurofuzz fuzz model.onnx --seeds digits.npz --time 60s

# This image has Python, make and a C++ compiler, with which npm compiles the neighbour index.
FROM node:22-bookworm AS build
WORKDIR /opt/neurofuzz
COPY . .
RUN npm run setup && npm prune --omit=dev --ignore-scripts --no-audit --no-fund && rm -rf src bench test dist/bench dist/corpora dist/.tsbuildinfo

FROM node:22-bookworm-slim
COPY --from=build /opt/neurofuzz /opt/neurofuzz
RUN ln -s /opt/neurofuzz/bin/neurofuzz.js /usr/local/bin/neurofuzz && mkdir /work && chown node:node /work
USER node
WORKDIR /work
VOLUME /work
ENTRYPOINT ["neurofuzz"]
CMD ["--help"]
