using System.CommandLine;
using Ocellus.Training.Child;

namespace Ocellus.Commands;

/// <summary>Started by the server and by <c>ocellus train</c>, never by a person: hidden from the help.</summary>
internal static class TrainJobCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("DIR");
        var command = new Command("train-job", "Runs one training in its folder.") { folder };
        command.Hidden = true;
        command.SetAction((parsed, cancel) => TrainingChild.RunAsync(parsed.GetValue(folder)!, cancel));
        return command;
    }
}
