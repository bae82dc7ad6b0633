using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Ocellus.Diagnostics;
using Ocellus.Objects;
using Ocellus.Storage;
using Ocellus.Vision.Inference;

namespace Ocellus.Hosting.Serving;

/// <summary>The models in this process's memory. Grains find them here; sessions never leave the process.</summary>
internal sealed class LocalModels
{
    private readonly ConcurrentDictionary<string, RunningModel> _models = new(StringComparer.Ordinal);
    private readonly DataDirectory _data;
    private readonly HostingOptions _options;
    private readonly ServingThreads _threads;
    private readonly TimeProvider _clock;
    private readonly OcellusMeter _meter;
    private readonly ILogger<LocalModels> _log;

    public LocalModels(
        DataDirectory data, IOptions<HostingOptions> options, ServingThreads threads, TimeProvider clock, OcellusMeter meter, ILogger<LocalModels> log)
    {
        (_data, _options, _threads, _clock, _meter, _log) = (data, options.Value, threads, clock, meter, log);
        meter.Observe(
            "ocellus.model.requests_in_flight", "{request}", "Requests inside running models: waiting, being decoded or in the network.",
            () => _models.Values.Sum(m => m.InFlight));
        meter.Observe(
            "ocellus.model.queue.length", "{request}", "Requests that no serving thread has taken yet.", () => _models.Values.Sum(m => m.QueueLength));
        meter.Observe("ocellus.model.inference_units", "{unit}", "Inference units of all running models.", () => _models.Values.Sum(m => m.Units));
        meter.Observe("ocellus.model.running", "{model}", "Models in memory.", () => _models.Count);
        meter.Observe(
            "ocellus.model.running_eight_bit", "{model}", "Models in memory that compute with 8 bits.",
            () => _models.Values.Count(m => m.Description.Precision == ModelPrecisions.EightBit));
    }

    /// <summary>ARNs of the versions whose model is in memory.</summary>
    public IReadOnlyCollection<string> Arns => [.. _models.Keys];

    /// <summary>The version's model, or null if it is not in memory.</summary>
    public RunningModel? Find(string arn) => _models.GetValueOrDefault(arn);

    /// <summary>As <see cref="Load"/>, after the model's files were fetched if they are not here. A damaged copy is fetched once more.</summary>
    /// <exception cref="StoreUnreachableException">They cannot be fetched now, which says nothing about the model: it is to be tried again.</exception>
    public async Task<string?> LoadAsync(string arn, string accountId, string folder, int minUnits, int maxUnits)
    {
        var models = _data.Models;
        try
        {
            await models.BringAsync(accountId, folder, CancellationToken.None);
            // Off the caller's scheduler: reading a model takes a tenth of a second.
            var failure = await Task.Run(() => Load(arn, accountId, folder, minUnits, maxUnits));
            return failure is not null && models.Store.IsShared && await models.RenewAsync(accountId, folder, CancellationToken.None)
                ? await Task.Run(() => Load(arn, accountId, folder, minUnits, maxUnits))
                : failure;
        }
        catch (IOException failure) when (failure is not StoreUnreachableException)
        {
            Log.LoadFailed(_log, failure, arn);
            return "The model's files in the object store, or their copy here, cannot be read.";
        }
    }

    /// <summary>Loads a model, unless it is loaded. Takes as long as reading and checking its file.</summary>
    /// <returns>Null, or why it cannot be hosted, to show to a person.</returns>
    public string? Load(string arn, string accountId, string folder, int minUnits, int maxUnits)
    {
        if (Find(arn) is not null)
        {
            return null;
        }

        TrainedModel? model = null;
        try
        {
            model = TrainedModel.Load(_data.ModelFolder(accountId, folder), threads: 1, ServingThreads.IntraOpThreads);
            RunningModel.WarmUp(model);
            if (model.Reason is { } reason)
            {
                Log.PrecisionChosen(_log, arn, reason);
            }
        }
        catch (InvalidDataException failure)
        {
            model?.Dispose();
            Log.ModelDamaged(_log, _data.ModelFolder(accountId, folder), failure.Message);
            // Callers of the API need not know where the data is on this machine.
            return failure.Message.Replace(_data.Path, "DIR", StringComparison.Ordinal);
        }
        catch (UnauthorizedAccessException)
        {
            return "The model's files cannot be read: access is denied to the server's user.";
        }
        catch (Exception failure)
        {
            model?.Dispose();
            Log.LoadFailed(_log, failure, arn);
            return failure is OutOfMemoryException
                ? "There is not enough memory to load the model; stop another one first."
                : "The service experienced an internal error.";
        }

        _models[arn] = new RunningModel(arn, model, minUnits, maxUnits, _options, _threads, _clock, _meter.Inferred, _log);
        return null;
    }

    /// <summary>Drains a model and frees it. Null if it was not loaded.</summary>
    public async Task<ModelEnd?> UnloadAsync(string arn)
    {
        if (Find(arn) is not { } model)
        {
            return null;
        }

        var end = await model.StopAsync();
        if (end.Aborted > 0)
        {
            Log.DrainTimedOut(_log, arn, _options.DrainTimeout, end.Aborted);
        }

        _models.TryRemove(KeyValuePair.Create(arn, model));
        return end;
    }
}
