# The extension for functions that are container images: one line in the function's own Dockerfile.
#
#   COPY --from=IMAGE /opt/extensions/ /opt/extensions/
#
# Made from what `cargo xtask layer` leaves, for both architectures:
#
#   docker buildx build --platform linux/amd64,linux/arm64 --file Dockerfile --tag IMAGE target/layer
FROM scratch
ARG TARGETARCH
COPY --chmod=755 ${TARGETARCH}/pyroscope-lambda-extension /opt/extensions/pyroscope-lambda-extension
