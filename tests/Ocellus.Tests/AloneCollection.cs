namespace Ocellus.Tests;

/// <summary>Tests that look at the whole process, its memory or its meters, so that nothing else may run beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}
