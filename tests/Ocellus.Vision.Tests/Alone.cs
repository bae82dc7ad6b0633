namespace Ocellus.Vision.Tests;

/// <summary>Tests that run while no other does: the collector and libtorch's number of threads are the whole process's.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
