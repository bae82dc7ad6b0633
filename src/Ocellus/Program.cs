using Ocellus.Commands;

return await CommandLine.RunAsync(args);
