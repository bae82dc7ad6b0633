namespace Ocellus.Encodings;

/// <summary>How deeply received JSON may be nested. The reader rejects deeper JSON before it can cost stack or time.</summary>
internal static class JsonDepth
{
    /// <summary>API requests. The deepest member of the service model is at 6: TrainingData.Assets[].GroundTruthManifest.S3Object.Name.</summary>
    public const int RequestMax = 16;

    /// <summary>Policies. The deepest value is at 5: Statement[].Condition.OPERATOR.KEY[].</summary>
    public const int PolicyMax = 16;

    /// <summary>Manifest lines. Known members reach 5. Members of other tools are kept as they are, and none nests this deep.</summary>
    public const int LineMax = 64;
}
