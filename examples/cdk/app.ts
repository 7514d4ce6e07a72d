// A Node.js function with the extension, by AWS CDK.
//
//   npm ci && npm --prefix function ci && npm run deploy -- -c extensionLayer=arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION

import { App, Duration, SecretValue, Stack, type StackProps } from 'aws-cdk-lib';
import { Architecture, Code, Function, LayerVersion, Runtime } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';

interface OrdersProps extends StackProps {
  /** The ARN of the layer for arm64, with its version. */
  extensionLayer: string;
  /** Where profiles go. */
  remoteAddress: string;
}

class Orders extends Stack {
  constructor(scope: Construct, id: string, { extensionLayer, remoteAddress, ...props }: OrdersProps) {
    super(scope, id, props);
    // A secret with the keys `user` and `password`, which CloudFormation reads when it deploys.
    const credential = (jsonField: string) =>
      SecretValue.secretsManager('pyroscope', { jsonField }).unsafeUnwrap();

    new Function(this, 'Orders', {
      description: 'Takes orders',
      runtime: Runtime.NODEJS_22_X,
      architecture: Architecture.ARM_64, // that of the layer
      handler: 'orders.takeOrder',
      code: Code.fromAsset('function'),
      memorySize: 512,
      timeout: Duration.seconds(10),
      layers: [LayerVersion.fromLayerVersionArn(this, 'Extension', extensionLayer)],
      environment: {
        PYROSCOPE_REMOTE_ADDRESS: remoteAddress,
        PYROSCOPE_BASIC_AUTH_USER: credential('user'),
        PYROSCOPE_BASIC_AUTH_PASSWORD: credential('password'),
      },
    });
  }
}

const app = new App();
const extensionLayer: string | undefined = app.node.tryGetContext('extensionLayer');
if (extensionLayer === undefined) {
  throw new Error('say which layer: -c extensionLayer=arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION');
}
new Orders(app, 'Orders', {
  extensionLayer,
  remoteAddress: app.node.tryGetContext('remoteAddress') ?? 'https://profiles-prod-001.grafana.net',
});
