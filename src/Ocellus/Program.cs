using Ocellus.Commands;
using Ocellus.Vision.Inference;

// Before anything else: the library that sends telemetry must not be loaded yet, and no other thread may be reading the environment.
OnnxTelemetry.TurnOff();
return await CommandLine.RunAsync(args);
