namespace Ocellus.Training;

/// <summary>What a model is to compute with.</summary>
internal enum TrainingPrecision
{
    /// <summary>Floating point numbers.</summary>
    Float,

    /// <summary>Bytes, if the test shows that hardly an answer changes; the float model is made all the same.</summary>
    Int8,
}
