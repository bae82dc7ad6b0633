using System.CommandLine;
using Ocellus;
using Ocellus.Storage;
using Ocellus.Training;

var data = new Option<string>("--data") { Description = "Folder that holds everything the server keeps.", DefaultValueFactory = _ => "ocellus-data" };
var urls = new Option<string>("--urls") { Description = "Address to listen on.", DefaultValueFactory = _ => "http://127.0.0.1:8741" };
var serve = new Command("serve", "Serves the Custom Labels API and the S3-compatible object store on one port.") { data, urls };
serve.SetAction(async (parsed, cancel) =>
{
    DataDirectory directory;
    try
    {
        directory = DataDirectory.Open(parsed.GetValue(data)!);
    }
    catch (InvalidOperationException refusal)
    {
        await Console.Error.WriteLineAsync(refusal.Message);
        return 1;
    }

    using (directory)
    {
        var address = parsed.GetValue(urls)!;
        WebApplication built;
        try
        {
            built = await Server.BuildAsync(directory, address, cancel);
        }
        catch (InvalidOperationException refusal)
        {
            await Console.Error.WriteLineAsync(refusal.Message);
            return 1;
        }

        await using var app = built;
        try
        {
            await app.StartAsync(cancel);
        }
        catch (IOException failure)
        {
            await Console.Error.WriteLineAsync($"{address} cannot be listened on: {failure.Message} Choose another address with --urls.");
            return 1;
        }

        var bound = string.Join(' ', app.Urls);
        await Console.Out.WriteLineAsync($"Ocellus serves {bound}\n  export AWS_ENDPOINT_URL={app.Urls.First()} AWS_SHARED_CREDENTIALS_FILE={directory.CredentialsPath}");
        await app.WaitForShutdownAsync(cancel);
    }

    return 0;
});
// Started by the server and by `ocellus train`, never by a person: not in the help.
var jobFolder = new Argument<string>("DIR");
var trainJob = new Command("train-job", "Runs one training in its folder.") { jobFolder };
trainJob.Hidden = true;
trainJob.SetAction((parsed, cancel) => TrainingChild.RunAsync(parsed.GetValue(jobFolder)!, cancel));
return await new RootCommand("Ocellus: Amazon Rekognition Custom Labels on your own machine.") { serve, trainJob }.Parse(args).InvokeAsync();
