using Ocellus.Commands;
using Ocellus.Vision.Inference;

// Before anything else: a library that sends must not be loaded, and no other thread may read the environment meanwhile.
OnnxTelemetry.TurnOff();
return await CommandLine.RunAsync(args);
