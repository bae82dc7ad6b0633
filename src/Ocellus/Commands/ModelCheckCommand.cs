using System.CommandLine;
using Ocellus.Training.Server;
using Ocellus.Vision.Inference;

namespace Ocellus.Commands;

/// <summary>Loads the model in a folder and runs it once on a black image. Started by the server, never by a person: hidden from the help.</summary>
internal static class ModelCheckCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("DIR");
        var command = new Command(ModelTrial.Verb, "Runs a model once.") { folder };
        command.Hidden = true;
        command.SetAction(async (parsed, _) =>
        {
            try
            {
                using var model = TrainedModel.Load(parsed.GetValue(folder)!);
                var description = model.Description;
                var black = new PreparedImage(new byte[description.Width * description.Height * 3], 1, 1, null);
                if (model.Predict([black])[0].Any(p => p.Label < 0 || p.Label >= description.Labels.Count || !float.IsFinite(p.Score)))
                {
                    throw new InvalidDataException("its answers are none of its labels, or no numbers");
                }

                return ExitCodes.Done;
            }
            catch (Exception failure)
            {
                await System.Console.Error.WriteLineAsync(failure.Message.ReplaceLineEndings(" "));
                return ExitCodes.Refused;
            }
        });
        return command;
    }
}
