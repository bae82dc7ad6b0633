namespace Ocellus.Vision.Recipes;

/// <summary>Progress of a training.</summary>
/// <param name="Phase">The current phase, for example <c>features</c>, <c>head</c> or <c>fine-tuning</c>.</param>
/// <param name="Epoch">Rounds or passes done in this phase.</param>
/// <param name="Epochs">Rounds or passes of this phase in all.</param>
/// <param name="Loss">Mean loss of the latest steps; null if there is none.</param>
/// <param name="SecondsLeft">Estimated seconds until the whole training ends; null if there is no estimate yet.</param>
public sealed record TrainingProgress(string Phase, int Epoch, int Epochs, double? Loss, double? SecondsLeft);
