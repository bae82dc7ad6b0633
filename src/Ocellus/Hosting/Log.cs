namespace Ocellus.Hosting;

internal static partial class Log
{
    [LoggerMessage(1201, LogLevel.Information, "Started {ProjectVersionArn}: loaded in {LoadSeconds:F2} s, {Units} inference units, at most {UnitsMax}")]
    public static partial void ModelStarted(ILogger log, string projectVersionArn, double loadSeconds, int units, int unitsMax);

    [LoggerMessage(1202, LogLevel.Warning, "Could not start {ProjectVersionArn}: {Reason}")]
    public static partial void ModelFailed(ILogger log, string projectVersionArn, string reason);

    [LoggerMessage(1203, LogLevel.Information, "Stopped {ProjectVersionArn}: drained in {DrainSeconds:F2} s, {AbortedRequests} requests aborted")]
    public static partial void ModelStopped(ILogger log, string projectVersionArn, double drainSeconds, int abortedRequests);

    [LoggerMessage(1204, LogLevel.Warning, "Draining {ProjectVersionArn} took longer than {DrainTimeout}: {AbortedRequests} requests were refused unanswered")]
    public static partial void DrainTimedOut(ILogger log, string projectVersionArn, TimeSpan drainTimeout, int abortedRequests);

    [LoggerMessage(1205, LogLevel.Information, "{ProjectVersionArn} grew from {UnitsBefore} to {Units} inference units: {QueueLength} requests are waiting")]
    public static partial void UnitsGrew(ILogger log, string projectVersionArn, int unitsBefore, int units, int queueLength);

    [LoggerMessage(1206, LogLevel.Information, "{ProjectVersionArn} shrank from {UnitsBefore} to {Units} inference units: the last one was not needed")]
    public static partial void UnitsShrank(ILogger log, string projectVersionArn, int unitsBefore, int units);

    [LoggerMessage(1207, LogLevel.Error, "{ProjectVersionArn} could not be brought to the state in the database; trying again in {RetrySeconds} s")]
    public static partial void ConvergeFailed(ILogger log, Exception failure, string projectVersionArn, double retrySeconds);

    [LoggerMessage(1208, LogLevel.Error, "The models to run could not be read from the database; trying again in {RetrySeconds} s")]
    public static partial void CatalogFailed(ILogger log, Exception failure, double retrySeconds);

    [LoggerMessage(1209, LogLevel.Information, "Unloaded {ProjectVersionArn} because the server is stopping; it is loaded again when the server starts")]
    public static partial void ModelUnloaded(ILogger log, string projectVersionArn);

    [LoggerMessage(1210, LogLevel.Error, "Loading {ProjectVersionArn} failed unexpectedly")]
    public static partial void LoadFailed(ILogger log, Exception failure, string projectVersionArn);

    [LoggerMessage(
        1219, LogLevel.Error,
        "The model in {Folder} is damaged: {Reason} Everything else is served; restore the folder from a backup, or train the version again")]
    public static partial void ModelDamaged(ILogger log, string folder, string reason);

    [LoggerMessage(1218, LogLevel.Information, "{ProjectVersionArn}: {Reason}")]
    public static partial void PrecisionChosen(ILogger log, string projectVersionArn, string reason);

    [LoggerMessage(1211, LogLevel.Debug, "{ProjectVersionArn}: {ImageBytes} bytes answered with {Labels} labels in {Milliseconds:F1} ms")]
    public static partial void Detected(ILogger log, string projectVersionArn, int imageBytes, int labels, double milliseconds);

    [LoggerMessage(1212, LogLevel.Warning, "The libraries for running models do not load, so no model will start on this machine; 'ocellus doctor' says why")]
    public static partial void LibrariesMissing(ILogger log, Exception failure);

    [LoggerMessage(1213, LogLevel.Information, "Stopping {ProjectVersionArn}: no request for {IdleMinutes} minutes ({Source})")]
    public static partial void IdleStopped(ILogger log, string projectVersionArn, double idleMinutes, string source);

    [LoggerMessage(1214, LogLevel.Warning, "Idle models could not be checked; trying again in a second")]
    public static partial void IdleStopFailed(ILogger log, Exception failure);

    [LoggerMessage(1215, LogLevel.Information, "Starting {ProjectVersionArn}: a request woke it")]
    public static partial void Waking(ILogger log, string projectVersionArn);

    [LoggerMessage(1216, LogLevel.Information, "{ProjectVersionArn} is running, {WakeSeconds:F2} s after the request that woke it")]
    public static partial void Woken(ILogger log, string projectVersionArn, double wakeSeconds);

    [LoggerMessage(1220, LogLevel.Information, "Node {NodeId} has joined the cluster {Cluster} at {Address}")]
    public static partial void Joined(ILogger log, string cluster, string nodeId, string address);

    [LoggerMessage(1221, LogLevel.Warning, "Node {NodeId} ({Name}) did not renew its lease: it is taken for dead, and what it had is loaded elsewhere")]
    public static partial void NodeLost(ILogger log, string nodeId, string name);

    [LoggerMessage(1222, LogLevel.Information, "Assigned {ProjectVersionArn} to node {NodeId}, {Units} inference units")]
    public static partial void Assigned(ILogger log, string projectVersionArn, string nodeId, int units);

    [LoggerMessage(1223, LogLevel.Warning, "The lease of this node was not renewed; it still holds: {Holds}. Without it, no model answers here")]
    public static partial void NotRenewed(ILogger log, Exception failure, bool holds);

    [LoggerMessage(1224, LogLevel.Warning, "The others have taken this node ({NodeId}) for dead; it drops its models and joins again")]
    public static partial void TakenForDead(ILogger log, string nodeId);

    [LoggerMessage(1225, LogLevel.Warning, "Node {NodeId} gave no answer for {ProjectVersionArn} ({Reason}); another one is asked")]
    public static partial void NodeSilent(ILogger log, string nodeId, string projectVersionArn, string reason);

    [LoggerMessage(1226, LogLevel.Warning, "What this node has could not be handed over; its lease runs out")]
    public static partial void HandOverFailed(ILogger log, Exception failure);
}
