namespace Ocellus.Vision.Recipes;

/// <summary>How far a training is.</summary>
/// <param name="Phase">What is done now, for example <c>features</c>, <c>head</c> or <c>fine-tuning</c>.</param>
/// <param name="Epoch">Rounds or passes done in this phase.</param>
/// <param name="Epochs">Rounds or passes of this phase in all.</param>
/// <param name="Loss">Mean loss of the latest steps; null where there is none.</param>
/// <param name="SecondsLeft">Estimated seconds for the whole rest of the training; null where there is no estimate yet.</param>
public sealed record TrainingProgress(string Phase, int Epoch, int Epochs, double? Loss, double? SecondsLeft);
