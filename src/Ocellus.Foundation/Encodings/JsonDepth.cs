namespace Ocellus.Encodings;

/// <summary>How deep JSON of senders may be nested. Deeper text is refused by the reader, so that no depth costs stack or time.</summary>
internal static class JsonDepth
{
    /// <summary>Of an API request. The deepest member of the service model is at 6: TrainingData.Assets[].GroundTruthManifest.S3Object.Name.</summary>
    public const int RequestMax = 16;

    /// <summary>Of a policy. Its deepest value is at 5: Statement[].Condition.OPERATOR.KEY[].</summary>
    public const int PolicyMax = 16;

    /// <summary>Of a manifest line. What is known of one is at 5; members of other tools are kept as they are, and no tool nests them so deep.</summary>
    public const int LineMax = 64;
}
