namespace Ocellus.Vision.Networks;

/// <summary>A linear layer on top of embeddings.</summary>
/// <param name="Weight">[labels, features], row by row.</param>
/// <param name="Bias">[labels].</param>
/// <param name="Features">Values of an embedding.</param>
internal sealed record LinearHead(float[] Weight, float[] Bias, int Features);
