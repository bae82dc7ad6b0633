namespace Ocellus.Vision.Recipes;

/// <summary>Progress of a training.</summary>
/// <param name="Phase">The current phase, for example <c>features</c>, <c>head</c> or <c>fine-tuning</c>.</param>
/// <param name="Epoch">Rounds or passes done in this phase.</param>
/// <param name="Epochs">Rounds or passes of this phase in all.</param>
/// <param name="Loss">Mean loss of the latest steps; null if there is none.</param>
/// <param name="SecondsLeft">Estimated seconds until the whole training ends; null if there is no estimate yet.</param>
public sealed record TrainingProgress(string Phase, int Epoch, int Epochs, double? Loss, double? SecondsLeft)
{
    /// <summary>Steps taken in this phase: of the optimizer, or batches of images. They move more often than passes do.</summary>
    public int Step { get; init; }

    /// <summary>Steps that this phase will have, as far as is known now; 0 if it has none.</summary>
    public int Steps { get; init; }

    /// <summary>Steps that this phase would have if time were not short; 0 if that is not known.</summary>
    public int Planned { get; init; }
}
